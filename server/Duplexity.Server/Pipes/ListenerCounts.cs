using Duplexity.Server.Channels;

namespace Duplexity.Server.Pipes;

/// <summary>How many listen to a channel, as its senders are told: who may not see who is there does not learn how many are either (G24). Thread-safe.</summary>
internal sealed class ListenerCounts(ChannelIndex channels, RoomRules rooms)
{
    /// <summary>How many other sockets listen; null: not for this sender.</summary>
    public int? Of(Sender sender, Address address) => IsTold(sender, address)
        ? channels.Subscriptions(address).Count(s => s.Subscriber.SocketId != sender.SocketId)
        : null;

    // An inbox and a socket have nobody in them but whom the address names.
    private bool IsTold(Sender sender, Address address) => sender.IsServer || address.Kind is AddressKind.Client or AddressKind.Socket
        || (rooms.LetsSee(address, sender.Client, sender.Principal) && (sender.Rules?.MayJoin(address) != false || (address.Kind == AddressKind.Feed && address.Name == sender.Client)));
}
