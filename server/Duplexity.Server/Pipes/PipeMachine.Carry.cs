using System.Diagnostics;
using Duplexity.Protocol;

namespace Duplexity.Server.Pipes;

/// <summary>Messages that clients' own pipes carry: through the same gates as what the owner sends, in its name.</summary>
internal sealed partial class PipeMachine
{
    /// <summary>
    /// Carries a message on. Its destinations take it together or not at all, each source place once: an answer without an error and without destinations says that this place was taken before.
    /// </summary>
    public ValueTask<SendResponse> CarryAsync(Sender owner, SendRequest request, Carried carried)
    {
        var span = BeginMessage([]);
        return Measured(CarryOnAsync(owner, request, carried, span), span);
    }

    private async ValueTask<SendResponse> CarryOnAsync(Sender owner, SendRequest request, Carried carried, Activity? span)
    {
        if ((Destinations.Read(request.To, out var destinations) ?? Check(_ingress, new Passage(Step.Ingress, owner, default, request, null))) is { } wrong)
        {
            return new SendResponse { Error = wrong };
        }

        var transit = new Transit(owner, request, destinations, null, carried.MessageId) { Carried = carried, Trace = _traces.Begin(owner, carried.MessageId, destinations), Span = span };
        _announcer.Say(Step.Ingress, AnnouncedAction.Entered, transit);
        return await CommitLaterAsync(transit, GatesAsync(transit));
    }
}
