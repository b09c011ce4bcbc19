namespace Duplexity;

/// <summary>A channel that the connection listens to.</summary>
public abstract class Subscription : IAsyncDisposable
{
    private protected Subscription(DuplexityConnection connection, Address address)
    {
        Connection = connection;
        Address = address;
    }

    /// <summary>The channel.</summary>
    public Address Address { get; }

    private protected DuplexityConnection Connection { get; }

    /// <summary>The messages.</summary>
    public IAsyncEnumerable<Message> ReadAllAsync(CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>The messages of one type.</summary>
    public IAsyncEnumerable<Message<T>> ReadAllAsync<T>(CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Calls a handler.</summary>
    public IDisposable OnMessage(Func<Message, CancellationToken, ValueTask> handler) => throw new NotImplementedException();

    /// <summary>Tells of gaps.</summary>
    public IDisposable OnGap(Action<Gap> handler) => throw new NotImplementedException();

    /// <summary>Tells of messages that could not be read or handled.</summary>
    public IDisposable OnFault(Action<Message, Exception> handler) => throw new NotImplementedException();

    /// <summary>Sends to the channel.</summary>
    public Task<Receipt> SendAsync<T>(T body, SendOptions? options = null, CancellationToken ct = default) => Connection.SendAsync(Address, body, options, ct);

    /// <summary>Reads the log.</summary>
    public IAsyncEnumerable<Message> HistoryAsync(HistoryOptions? options = null, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>Leaves.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
