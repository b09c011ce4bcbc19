namespace Duplexity.Server.Hubs;

/// <summary>On how many control connections each client is, and that it is on no more than it may (G24). Thread-safe.</summary>
internal sealed class ControlPlaces(DuplexityOptions options)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _taken = new(StringComparer.Ordinal);

    /// <summary>Whether nobody is on any.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_lock)
            {
                return _taken.Count == 0;
            }
        }
    }

    /// <summary>Takes a place for a client, unless it has all that it may; <see cref="Give"/> gives it back.</summary>
    public DuplexityError? Take(string client)
    {
        var most = options.Limits.ControlConnectionsPerClient;
        lock (_lock)
        {
            var taken = _taken.GetValueOrDefault(client);
            if (taken >= most)
            {
                return DuplexityError.Of(Errors.TooManySockets, $"This client has {taken} control connections already; close one first.") with { Limit = "control_connections_per_client", Used = taken };
            }

            _taken[client] = taken + 1;
            return null;
        }
    }

    /// <summary>Gives a place back.</summary>
    public void Give(string client)
    {
        lock (_lock)
        {
            if (--_taken[client] == 0)
            {
                _taken.Remove(client);
            }
        }
    }
}
