namespace Duplexity;

/// <summary>One socket of a client, held open and restored after every loss.</summary>
public sealed class DuplexityConnection : IAsyncDisposable
{
    /// <summary>Prepares a connection; nothing is opened yet.</summary>
    /// <param name="server">The service's address, prefix included, such as <c>https://hub.example.org</c>.</param>
    /// <param name="options">See <see cref="DuplexityConnectionOptions"/>.</param>
    public DuplexityConnection(Uri server, DuplexityConnectionOptions? options = null)
    {
        Server = server;
        Options = options ?? new DuplexityConnectionOptions();
    }

    /// <summary>The service's address.</summary>
    public Uri Server { get; }

    /// <summary>Raised at each step.</summary>
#pragma warning disable CS0067 // skeleton
    public event Action<ConnectionStateChange>? StateChanged;
#pragma warning restore CS0067

    /// <summary>Where the connection stands.</summary>
    public ConnectionState State => throw new NotImplementedException();

    /// <summary>Completes once, when the connection is over for good. Never faults.</summary>
    public Task<CloseReason> Closed => throw new NotImplementedException();

    /// <summary>The SOCK_ID; another one after each reconnect.</summary>
    /// <exception cref="InvalidOperationException">The connection was never ready.</exception>
    public string SocketId => throw new NotImplementedException();

    /// <summary>The client that the connection acts as.</summary>
    /// <exception cref="InvalidOperationException">The connection was never ready.</exception>
    public string Client => throw new NotImplementedException();

    /// <summary>The client's own sockets.</summary>
    public Sockets Sockets => throw new NotImplementedException();

    /// <summary>What is sent to this client and this socket.</summary>
    public Inbox Inbox => throw new NotImplementedException();

    /// <summary>Public pipes.</summary>
    public Pipes Pipes => throw new NotImplementedException();

    internal DuplexityConnectionOptions Options { get; }

    /// <summary>Opens the connection. Fails fast; later losses heal by themselves.</summary>
    /// <exception cref="DuplexityException">The server refused or could not be reached; may be called again.</exception>
    public Task ConnectAsync(CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Joins a room.</summary>
    /// <exception cref="DuplexityException">It was refused.</exception>
    public Task<Room> JoinAsync(string room, JoinOptions? options = null, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Follows what a client emits.</summary>
    /// <exception cref="DuplexityException">It was refused.</exception>
    public Task<Feed> FollowAsync(string client, JoinOptions? options = null, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Sends to one destination.</summary>
    /// <exception cref="DuplexityException">It was refused.</exception>
    public Task<Receipt> SendAsync<T>(Address to, T body, SendOptions? options = null, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Sends to several destinations.</summary>
    /// <exception cref="DuplexityException">No destination took it.</exception>
    public Task<Receipt> SendAsync<T>(IReadOnlyCollection<Address> to, T body, SendOptions? options = null, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Sends without destination.</summary>
    /// <exception cref="DuplexityException">It was refused.</exception>
    public Task<Receipt> EmitAsync<T>(T body, SendOptions? options = null, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Who is in a channel now.</summary>
    /// <exception cref="DuplexityException">It was refused.</exception>
    public Task<Presence> PresenceAsync(Address channel, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Reads a channel's log without listening to it, page by page as it is consumed.</summary>
    /// <exception cref="DuplexityException">It was refused, or <see cref="HistoryOptions.Since"/> cannot be served any more.</exception>
    public IAsyncEnumerable<Message> HistoryAsync(Address channel, HistoryOptions? options = null, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Ends the connection with a courtesy to the server, within 2 s.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
