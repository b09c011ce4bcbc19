namespace Duplexity.Cli.Commands;

/// <summary>Opens the subscription that goes with an address.</summary>
internal static class Listening
{
    /// <summary>Says where the own inbox starts, which the connection itself listens to.</summary>
    public static DuplexityConnectionOptions WithInbox(this DuplexityConnectionOptions options, JoinOptions inbox) => options with { Inbox = inbox };

    /// <summary>Listens to <paramref name="channel"/> from the place that <paramref name="options"/> says.</summary>
    public static async Task<Subscription> ListenAsync(this DuplexityConnection connection, Address channel, JoinOptions options, CancellationToken cancel) => channel.Kind switch
    {
        AddressKind.Room => await connection.JoinAsync(channel.Name, options, cancel),
        AddressKind.Feed => await connection.FollowAsync(channel.Name, options, cancel),
        AddressKind.Lockspace => await connection.EnterAsync(channel.Name, new() { As = options.As, Since = options.Since, Last = options.Last }, cancel),
        AddressKind.Client when channel.Name == connection.Client => await InboxAsync(connection, cancel),
        AddressKind.Client => throw new UsageException($"{channel} is somebody else's inbox; you can listen to your own, client:{connection.Client}."),
        _ => throw new UsageException($"{channel} cannot be listened to; name a room, a feed, a lockspace or your own inbox."),
    };

    /// <summary>The own inbox, listened to from now on.</summary>
    public static async Task<Inbox> InboxAsync(this DuplexityConnection connection, CancellationToken cancel)
    {
        await connection.Inbox.JoinAsync(cancel);
        return connection.Inbox;
    }
}
