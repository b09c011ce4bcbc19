namespace Duplexity;

/// <summary>A public pipe of this connection; it is restored after each reconnect, and removed when disposed.</summary>
public sealed class Pipe : IAsyncDisposable
{
    internal Pipe()
    {
    }

    /// <summary>The whole hostname, or <c>:PORT</c>. Known once the pipe is open.</summary>
    public string Name => throw new NotImplementedException();

    /// <summary>What visitors open. Known once the pipe is open.</summary>
    public Uri Url => throw new NotImplementedException();

    /// <summary>What is served, in canonical form.</summary>
    public string Resource => throw new NotImplementedException();

    /// <summary>Completes with the reason when the pipe is over: null if it was disposed, else why it was not given back after a reconnect. Never faults.</summary>
    public Task<DuplexityError?> Closed => throw new NotImplementedException();

    /// <summary>What visitors do, live; only with <see cref="PipeOptions.Exchanges"/>. One reader; what it is too slow for is counted in <see cref="Exchange.LeftOut"/>.</summary>
    public IAsyncEnumerable<Exchange> Exchanges => throw new NotImplementedException();

    /// <summary>Removes the pipe: the name is free when this returns, as far as the server can be reached.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
