using System.Net;
using System.Runtime.CompilerServices;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>
/// The way in at a front, which knows nobody: it has no tokens, no revocations and no grants (G18). It serves what is public and what addresses alone are let in to; pipes whose visitors have to be known are served by the nodes. What a visitor
/// says to gates is taken out here as well: the resource has no business with it (G5).
/// </summary>
internal sealed class FrontEntrance(VisitorAdmission admission, LiveVisits live, PeerAddresses peers) : IVisitorEntrance
{
    // Asked for each request, and each second for each who is served.
    private readonly ConditionalWeakTable<PipeRegistration, PipeGates> _gates = [];

    /// <inheritdoc/>
    public async ValueTask<Entered?> EnterAsync(HttpContext context, PipeEntry entry)
    {
        var address = Visitor.Of(context, peers).Address;
        if (!Lets(address, entry))
        {
            await VisitorPages.NotAtAFrontAsync(context);
            return null;
        }

        if (context.Features.Get<Counted>() is { } counted)
        {
            return new(counted.Throttle, Live());
        }

        if (admission.TryEnter(entry, address, out var wait) is { } entered)
        {
            context.Features.Set(new Counted(entered.Throttle));
            return new(entered.Throttle, entered, Live());
        }

        await VisitorPages.TooManyAsync(context, (int)Math.Ceiling(wait.TotalSeconds), VisitorPages.TooMany);
        return null;

        IDisposable Live() => live.Begin(new PlainVisit(() => entry, now => Lets(address, now), context.Abort));
    }

    /// <inheritdoc/>
    public Entered? TryEnter(IPAddress address, PipeEntry entry) => Lets(address, entry) ? admission.TryEnter(entry, address, out _) : null;

    /// <inheritdoc/>
    public bool Lets(IPAddress address, PipeEntry entry) => _gates.GetValue(entry.Settings, static settings => PipeGates.ByAddress(settings.Visitors)).Lets(address);

    /// <summary>That a request was counted already.</summary>
    private sealed record Counted(Throttle? Throttle);
}
