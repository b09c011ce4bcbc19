using Microsoft.Extensions.Options;

namespace Duplexity.Server.Pipes;

/// <summary>Refuses to start with gates that cannot be as they are described; each refusal says what to set.</summary>
internal sealed class GateOptionsCheck : IValidateOptions<DuplexityOptions>
{
    public ValidateOptionsResult Validate(string? name, DuplexityOptions options)
    {
        List<string> problems = [.. options.Gates.SelectMany(g => Problems(g.Key, g.Value, options)), .. options.Rooms.Where(r => r.Value?.Reauthenticate <= TimeSpan.Zero).Select(r => $"Duplexity:Rooms:{r.Key}:Reauthenticate is not longer than nothing.")];
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    private static IEnumerable<string> Problems(string name, HttpGateOptions gate, DuplexityOptions options)
    {
        var path = $"Duplexity:Gates:{name}";
        if (name.Length is 0 or > 64 || name.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)))
        {
            yield return $"{path}: a gate's name has 1 to 64 characters, without white space.";
        }

        if (gate.Step is not (Step.Ingress or Step.Entry))
        {
            yield return $"{path}:Step is Ingress or Entry; at the egress nothing can be waited for.";
        }

        if (gate.Pattern is not { Length: > 0 and <= Pattern.MaxLength })
        {
            yield return $"{path}:Pattern says what the gate looks at, such as room:board-*.";
        }

        if (!Uri.TryCreate(gate.Address, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address.UserInfo.Length > 0)
        {
            yield return $"{path}:Address is an absolute http or https address, without a name or password in it.";
        }

        if (GateHttp.KeyOf(gate.Secret) is null)
        {
            yield return $"{path}:Secret is needed: whsec_ and base64, or any text, of at least 16 bytes.";
        }

        if (gate.Timeout <= TimeSpan.Zero || gate.Timeout > options.Times.Gate)
        {
            yield return $"{path}:Timeout is longer than nothing, and at most Times:Gate ({options.Times.Gate:c}).";
        }
    }
}
