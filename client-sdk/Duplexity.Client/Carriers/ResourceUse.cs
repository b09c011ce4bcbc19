using System.Collections.Concurrent;
using System.Net;
using System.Security.Authentication;

namespace Duplexity.Carriers;

/// <summary>The open connections to a pipe's resource, and how the last attempt at one failed. Thread-safe.</summary>
internal sealed class ResourceUse(TimeProvider time)
{
    private readonly ConcurrentDictionary<IPEndPoint, byte> _ends = new();
    private int _connections;

    /// <summary>Connections that are open now, those included that wait for the next visitor.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Null: the last attempt succeeded, or there was none.</summary>
    public ResourceFault? LastFault { get; private set; }

    /// <summary>Whether <paramref name="address"/> and <paramref name="port"/> are this program's end of one of them: what comes from there came through the pipe.</summary>
    public bool Has(IPAddress address, int port) => _ends.ContainsKey(new IPEndPoint(Plain(address), port));

    /// <summary>A connection is open, until the result is disposed. To be called before the first byte goes over it.</summary>
    public IDisposable Opened(ResourceConnection connection)
    {
        LastFault = null;
        Interlocked.Increment(ref _connections);
        var end = connection.LocalEnd is { } local ? new IPEndPoint(Plain(local.Address), local.Port) : null;
        if (end is not null)
        {
            _ends[end] = 0;
        }

        return new Use(this, end);
    }

    /// <summary>An attempt failed.</summary>
    public void Failed(Resource resource, Exception why) => LastFault = new ResourceFault(time.GetUtcNow(), why switch
    {
        OperationCanceledException => $"{resource} did not answer in time.",
        AuthenticationException => $"{resource} is not trusted: {why.Message}",
        _ => $"{resource} cannot be reached: {why.Message}",
    });

    private static IPAddress Plain(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private sealed class Use(ResourceUse all, IPEndPoint? end) : IDisposable
    {
        private int _isOver;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isOver, 1) == 0)
            {
                Interlocked.Decrement(ref all._connections);
                if (end is not null)
                {
                    all._ends.TryRemove(end, out _);
                }
            }
        }
    }
}
