using Duplexity.Server.Channels;

namespace Duplexity.Server.Sockets;

internal sealed partial class SocketQueue
{
    private enum Kind
    {
        Frame,
        Delivery,
        Move,
        Advance,
    }

    private readonly record struct Item(Kind Kind, Subscription? Subscription, Delivery? Delivery, ReadOnlyMemory<byte> Frame, Position? Place, long Since, int Size);
}
