
namespace Duplexity.Server.Pipes;

/// <summary>Ingress: size and rate as the acting client's allowances say. The application itself has none.</summary>
internal sealed class LimitGate : IBuiltInGate
{
    public string Name => "limit";

    public Step Step => Step.Ingress;

    public DuplexityError? Check(in Passage passage)
    {
        if (passage is not { Sender: { Rules: { } rules, Meter: { } meter }, Request: { } request })
        {
            return null;
        }

        // Counted only for those whose bytes are limited: most are not.
        var size = rules.Limits is { MessageBytes: null, Bytes: null } ? 0 : SizeGate.BodyBytes(request);
        if (rules.Limits.MessageBytes is { } most && size > most)
        {
            return DuplexityError.Of(Errors.MessageTooLarge, $"The message has {size} bytes; this client may send {most} at most.") with { Limit = "message_bytes", Used = size };
        }

        return meter.Take(rules, size, passage.IsTrial);
    }
}

/// <summary>Entry: the acting client's allowance to send covers the address. What is not covered reads like what is not there (1.28); Explain tells them apart, to the one whose allowances they are.</summary>
internal sealed class ScopeGate : IBuiltInGate
{
    public string Name => "scope";

    public Step Step => Step.Entry;

    public DuplexityError? Check(in Passage passage) => passage.Sender.Rules?.MaySend(passage.Target) == false
        ? DuplexityError.Of(Errors.UnknownDestination, passage.IsTrial ? Uncovered("send", passage.Sender.Rules.Shown.Send, passage.Target.ToString()) : AllowanceGate.NotThere(passage.Target))
        : null;

    /// <summary>What is said to somebody about an allowance of their own.</summary>
    public static string Uncovered(string operation, string[]? patterns, string target) =>
        $"Your allowance to {operation} is {(patterns is { Length: > 0 } ? string.Join(", ", patterns.Select(p => VisibleText.Of(p, 64))) : "empty")}; {VisibleText.Of(target, Address.MaxBytes)} is not in it.";
}
