using Duplexity.Protocol;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Hubs;

/// <summary>Shows administrators a message's way: of whom they may administer, and of channels where they may administer everybody.</summary>
internal sealed class Tracing(MessageTraces traces, TimeProvider time)
{
    private const int DefaultMinutes = 5;
    private const int MostMinutes = 60;

    public TraceResponse Answer(HeldIdentity acting, TraceRequest request) => (request.Start, request.MessageId) switch
    {
        ({ } start, null) => Start(acting, start, request.Minutes ?? DefaultMinutes),
        (null, { } id) => Find(acting, id),
        _ => Refuse(Errors.InvalidRequest, "Give start, or messageId, one of the two."),
    };

    private TraceResponse Start(HeldIdentity acting, string start, int minutes)
    {
        if (!Address.TryRead(start, out var target, out var problem))
        {
            return Refuse(Errors.InvalidAddress, problem);
        }

        if (target.Kind == AddressKind.Service || minutes is < 1 or > MostMinutes)
        {
            return Refuse(Errors.InvalidRequest, $"A client or a channel is traced, for 1 to {MostMinutes} minutes.");
        }

        if (acting.Rules.DeniesAdministering(target.Kind == AddressKind.Client ? target.Name : AllowanceRules.Everybody) is { } denied)
        {
            return new() { Error = denied };
        }

        var duration = TimeSpan.FromMinutes(minutes);
        return traces.Start(target, duration)
            ? new() { Until = (time.GetUtcNow() + duration).ToUnixTimeMilliseconds() }
            : Refuse(Errors.RateLimited, "As many clients and channels are traced as can be; wait until one of them ends.");
    }

    private TraceResponse Find(HeldIdentity acting, string id) => traces.Find(id) is { } trace && acting.Rules.MayAdminister(trace.Owner)
        ? new() { Hops = [.. trace.Hops.Select(Of)], LeftOut = trace.LeftOut > 0 ? trace.LeftOut : null }
        : Refuse(Errors.UnknownDestination, "No trace is kept of such a message, or it is not yours to see; begin to trace its sender first.");

    private static TraceHop Of(Announcement hop) => new()
    {
        Step = hop.Channel[(hop.Channel.IndexOf(':') + 1)..],
        Action = hop.Action,
        At = hop.At.ToUnixTimeMilliseconds(),
        Target = hop.Target,
        Error = hop.Error,
    };

    private static TraceResponse Refuse((int Code, string Name) error, string sentence) => new() { Error = DuplexityError.Of(error, sentence) };
}
