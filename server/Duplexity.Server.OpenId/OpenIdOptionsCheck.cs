using Duplexity.Server.Auth;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.OpenId;

/// <summary>Refuses to start an embedded provider at which nobody, or everybody, could sign in; each refusal says what to set.</summary>
internal sealed class OpenIdOptionsCheck : IValidateOptions<DuplexityOptions>, IValidateOptions<OpenIdOptions>
{
    private const int MinSecret = 32;

    public ValidateOptionsResult Validate(string? name, DuplexityOptions options) => Result([.. Problems(options)]);

    public ValidateOptionsResult Validate(string? name, OpenIdOptions options) => Result([.. Problems(options)]);

    private static ValidateOptionsResult Result(string[] problems) => problems.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);

    private static IEnumerable<string> Problems(DuplexityOptions options)
    {
        if (string.IsNullOrEmpty(options.Data))
        {
            yield return "Duplexity:Auth:Embedded needs a data folder: its users must outlive the process. Set Duplexity:Data.";
        }

        if (options.Auth.CidClaim != "sub")
        {
            yield return $"Duplexity:Auth:CidClaim is \"{options.Auth.CidClaim}\"; users of Duplexity:Auth:Embedded are named by \"sub\". Leave it out.";
        }

        if (options.Url is { IsAbsoluteUri: true, Scheme: "http" } url && !ServiceHosts.IsLoopback(url.Host))
        {
            yield return $"Duplexity:Url is {url}: passwords do not go over plain http. Set its https address, and put a proxy that ends TLS in front of the node.";
        }
    }

    private static IEnumerable<string> Problems(OpenIdOptions options)
    {
        const string Path = OpenIdOptions.Section;
        if (options is not { PasswordLength: >= 8 and <= 128, Failures: >= 1, FailuresPerAddress: >= 1, Waiting: >= 1 })
        {
            yield return $"{Path}: PasswordLength is from 8 to 128; Failures, FailuresPerAddress and Waiting are at least 1.";
        }

        if (new[] { options.LockOut, options.Wait, options.Invitation, options.FirstAdministrator, options.Session }.Any(time => time <= TimeSpan.Zero))
        {
            yield return $"{Path}: LockOut, Wait, Invitation, FirstAdministrator and Session are longer than nothing.";
        }

        foreach (var (id, client) in options.Clients)
        {
            if (id == OwnClient.Id)
            {
                yield return $"{Path}:Clients:{id} is the service itself. Give the program an id of its own.";
            }

            if (client.Secret is { Length: < MinSecret })
            {
                yield return $"{Path}:Clients:{id}:Secret has fewer than {MinSecret} characters. Take the output of: openssl rand -base64 48";
            }

            if (client.Redirects.Count == 0)
            {
                yield return $"{Path}:Clients:{id}:Redirects is empty: nobody could be sent back to the program.";
            }

            foreach (var redirect in client.Redirects.Where(redirect => !IsRedirect(redirect)))
            {
                yield return $"{Path}:Clients:{id}:Redirects has \"{redirect}\", which is not an https address without a fragment (http on a loopback address only).";
            }
        }
    }

    private static bool IsRedirect(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Fragment.Length == 0 && uri.UserInfo.Length == 0
        && (uri.Scheme == "https" || (uri.Scheme == "http" && ServiceHosts.IsLoopback(uri.Host)));
}
