using Duplexity.Server.Channels;

namespace Duplexity.Server.Sockets;

internal sealed partial class SocketQueue
{
    private enum Kind
    {
        Frame,
        Delivery,
        Again,
        Move,
        Advance,
    }

    private readonly record struct Item(Kind Kind, Subscription? Subscription, Delivery? Delivery, ReadOnlyMemory<byte> Frame, Position? Place, long Since, int Size)
    {
        /// <summary>With <see cref="Kind.Again"/>: which one.</summary>
        public int Attempt { get; init; }
    }
}
