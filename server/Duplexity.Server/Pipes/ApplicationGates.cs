using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Pipes;

/// <summary>A gate as it was added; made when the node starts.</summary>
/// <param name="Name">What a refused sender is told.</param>
/// <param name="Step">Where it stands.</param>
/// <param name="Pattern">The addresses that it looks at; at the ingress <c>client:CID</c>.</param>
/// <param name="Create">Makes it.</param>
internal sealed record GateRegistration(string Name, Step Step, string Pattern, Func<IServiceProvider, IGate> Create)
{
    /// <summary>A gate that can be.</summary>
    /// <exception cref="ArgumentException">No gate of an application stands at that step, or name or pattern cannot be.</exception>
    public static GateRegistration Of(string name, Step step, string pattern, Func<IServiceProvider, IGate> create)
    {
        if (step is not (Step.Ingress or Step.Entry or Step.Egress))
        {
            throw new ArgumentException($"A gate stands at the ingress, the entry or the egress, not at {step}.", nameof(step));
        }

        if (name is not { Length: > 0 and <= 64 } || name.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)))
        {
            throw new ArgumentException("A gate's name has 1 to 64 characters, without white space and control characters.", nameof(name));
        }

        return pattern is { Length: > 0 and <= Pipes.Pattern.MaxLength }
            ? new(name, step, pattern, create)
            : throw new ArgumentException($"A pattern has 1 to {Pipes.Pattern.MaxLength} characters.", nameof(pattern));
    }

    /// <summary>The name of a gate's type in lower case with dashes, without <c>Gate</c> at its end.</summary>
    public static string NameOf(Type type)
    {
        var name = type.Name.Split('`')[0];
        name = name.Length > 4 && name.EndsWith("Gate", StringComparison.Ordinal) ? name[..^4] : name;
        return string.Concat(name.Select((c, i) => (i > 0 && char.IsUpper(c) ? "-" : "") + char.ToLowerInvariant(c)));
    }
}

/// <summary>A function as a gate.</summary>
internal sealed class FunctionGate(Func<GateContext, ValueTask<GateResult>> gate) : IGate
{
    public ValueTask<GateResult> CheckAsync(GateContext context, CancellationToken ct) => gate(context);
}

/// <summary>The gates beside the node's own: fresh sign-ins first, then the application's in the order in which they were added, then those over HTTP. Immutable.</summary>
internal sealed class ApplicationGates : IHostedService
{
    private readonly ApplicationGate[][] _gates;

    public ApplicationGates(IEnumerable<GateRegistration> registrations, GateSettings settings, IServiceProvider services, TimeProvider time, ILogger<ApplicationGates> logger)
    {
        ApplicationGate[] all = [.. settings.First.Concat(registrations).Concat(settings.Last).Select(r => new ApplicationGate(r.Name, r.Step, r.Pattern, () => r.Create(services), time, logger))];
        _gates = [.. Enum.GetValues<Step>().Select(step => Array.FindAll(all, g => g.Step == step))];
    }

    /// <summary>Whether no gate stands at a step.</summary>
    public bool IsEmpty(Step step) => _gates[(int)step].Length == 0;

    /// <summary>The gates at a step; not all of them look at every address.</summary>
    public ApplicationGate[] At(Step step) => _gates[(int)step];

    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var gate in _gates.SelectMany(g => g))
        {
            gate.Make();
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
