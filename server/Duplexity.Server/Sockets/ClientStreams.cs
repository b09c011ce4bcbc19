namespace Duplexity.Server.Sockets;

/// <summary>
/// Connections of clients that carry bytes and hold no identity that could be renewed: they outlive their token's end, and are cut when their client is taken off or something stands against it. Thread-safe.
/// </summary>
internal sealed class ClientStreams
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, HashSet<Entry>> _byClient = new(StringComparer.Ordinal);

    public ClientStreams(ClientEnds ends, Standing standing) =>
        ends.Ended += client => Cut(i => client is null ? standing.Problem(i) is not null || standing.Block(i.Client, null) is not null : i.Client == client);

    /// <summary>One more, until the result is disposed; null: the client has as many as it may.</summary>
    /// <param name="identity">Whose, and by which token.</param>
    /// <param name="most">How many one client may have here.</param>
    /// <param name="cut">Ends it at once; never called after the result was disposed.</param>
    public IDisposable? Add(Identity identity, int most, Action cut)
    {
        lock (_lock)
        {
            var own = _byClient.GetValueOrDefault(identity.Client) ?? [];
            if (own.Count >= most)
            {
                return null;
            }

            var entry = new Entry(this, identity, cut);
            own.Add(entry);
            _byClient[identity.Client] = own;
            return entry;
        }
    }

    // When it returns, nothing begins on them any more.
    private void Cut(Func<Identity, bool> which)
    {
        Entry[] cut;
        lock (_lock)
        {
            cut = [.. _byClient.Values.SelectMany(own => own).Where(e => which(e.Identity))];
        }

        foreach (var entry in cut)
        {
            entry.Cut();
        }
    }

    private void Remove(Entry entry)
    {
        lock (_lock)
        {
            if (_byClient.TryGetValue(entry.Identity.Client, out var own) && own.Remove(entry) && own.Count == 0)
            {
                _byClient.Remove(entry.Identity.Client);
            }
        }
    }

    private sealed class Entry(ClientStreams all, Identity identity, Action cut) : IDisposable
    {
        private readonly Lock _ending = new();
        private bool _isOver;

        public Identity Identity => identity;

        public void Cut()
        {
            // Not once it is over: its connection may carry another request by then, of another client where a proxy is in between.
            lock (_ending)
            {
                if (!_isOver)
                {
                    cut();
                }
            }
        }

        public void Dispose()
        {
            lock (_ending)
            {
                _isOver = true;
            }

            all.Remove(this);
        }
    }
}
