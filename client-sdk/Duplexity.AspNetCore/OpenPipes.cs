using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;

namespace Duplexity.AspNetCore;

/// <summary>The pipes of this program that are open, and what came through them. Thread-safe.</summary>
internal sealed class OpenPipes
{
    private readonly ConcurrentDictionary<PipeOrder, (Pipe Pipe, Uri Server)> _open = new();

    public void Add(PipeOrder order, Pipe pipe, Uri server) => _open[order] = (pipe, server);

    public void Remove(PipeOrder order) => _open.TryRemove(order, out _);

    /// <summary>
    /// The pipe through which a request came; null: it came another way. The SDK dials the application from this very process, so that the other end of the request's connection is known for one of ours or
    /// is none; a local program can write any header, but not be that connection.
    /// </summary>
    public (PipeOrder Order, Pipe Pipe, Uri Server)? Of(ConnectionInfo connection)
    {
        if (connection.RemoteIpAddress is not { } address)
        {
            return null;
        }

        foreach (var (order, (pipe, server)) in _open)
        {
            if (pipe.Use.Has(address, connection.RemotePort))
            {
                return (order, pipe, server);
            }
        }

        return null;
    }
}

/// <summary>A pipe as the application asked for it.</summary>
internal sealed class PipeOrder(string? name, DuplexityPipeOptions options)
{
    private int _underWay;

    public string? Name => name;

    public DuplexityPipeOptions Options => options;

    /// <summary>Whether no request that came through it is under way.</summary>
    public bool IsQuiet => Volatile.Read(ref _underWay) == 0;

    /// <summary>A request came through it.</summary>
    public void Enter() => Interlocked.Increment(ref _underWay);

    /// <summary>It was answered.</summary>
    public void Leave() => Interlocked.Decrement(ref _underWay);
}
