using Duplexity.Server.Engine;
using Duplexity.Server.Inboxes;

namespace Duplexity.Server.Pipes;

/// <content>The append, and who counts it.</content>
internal sealed partial class PipeMachine
{
    /// <summary>Appends; the inboxes among the destinations count it until the log does.</summary>
    private ValueTask<AppendResult> AppendAsync(AppendRequest request)
    {
        var message = request.Message;
        _replies.Note(message);
        Inbox[] to = [.. message.Destinations.Where(d => d.Kind == AddressKind.Client).Select(_inboxes.Of)];
        if (to.Length == 0)
        {
            return _engine.Log.AppendAsync(request);
        }

        var size = message.Size;
        Array.ForEach(to, i => i.Sending(message.ChargedTo, size));
        return SettleAsync(_engine.Log.AppendAsync(request));

        async ValueTask<AppendResult> SettleAsync(ValueTask<AppendResult> append)
        {
            try
            {
                return await append;
            }
            finally
            {
                Array.ForEach(to, i => i.Sent(message.ChargedTo, size));
            }
        }
    }

    private int Listeners(Address address, string? but) => _channels.Subscriptions(address).Count(s => s.Subscriber.SocketId != but);
}
