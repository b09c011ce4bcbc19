using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <summary>
/// The sends of one socket that carry a sequence. A client sends on while earlier ones have no answer; where one of those then is not stored ("not now", or nobody knows), what came behind it is not taken either until its sender has
/// sent it again, or has given it up: stored in between, it would come out of its order, and the missing one could not be told from one that was stored and forgotten (G4). Thread-safe.
/// </summary>
internal sealed class SendOrder
{
    /// <summary>Sends of a session that are remembered as missing: eight times what an SDK has on the wire. Who leaves more of them unsent is not kept in order any more.</summary>
    private const int Most = 1_024;

    /// <summary>Sessions of a socket that are remembered: an SDK has one for each of its clients. Beyond them those that have nothing under way are forgotten.</summary>
    private const int MostSessions = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Client, string Session), Chain> _chains = [];

    /// <summary>Whether an answer says "not now", or "nobody knows": its sender sends it again.</summary>
    public static bool IsMissing(DuplexityError error) => error.KindOfCode() == ErrorKind.Unavailable;

    /// <summary>A send goes to the log; false: an earlier one, for which its sender waits as well, is missing, and this one must not be stored before.</summary>
    /// <param name="key">Its session and sequence.</param>
    /// <param name="after">The nearest earlier sequence without an answer, as its sender saw it when it sent; null: none.</param>
    /// <param name="before">The last one of its session that is on its way to the log before it, and must be stored first; 0: none.</param>
    public bool TryEnter(IdempotencyKey key, long? after, out long before)
    {
        lock (_lock)
        {
            before = 0;
            var chain = ChainUnsynchronized(key.Client, key.Session!);

            // What its sender does not wait for any more is no reason to wait.
            chain.Missing.RemoveWhere(s => s > (after ?? 0) && s <= key.Sequence);
            if (chain.Missing.Count > 0 && chain.Missing.Min < key.Sequence)
            {
                return false;
            }

            var at = chain.OnTheirWay.Count;
            while (at > 0 && chain.OnTheirWay[at - 1] >= key.Sequence)
            {
                at--;
            }

            before = at == 0 ? 0 : chain.OnTheirWay[at - 1];
            chain.OnTheirWay.Insert(at, key.Sequence);
            chain.Highest = Math.Max(chain.Highest, key.Sequence);
            return true;
        }
    }

    /// <summary>A send that was held goes to the log; whether a later one of its session went before it.</summary>
    public bool EnterLate(IdempotencyKey key)
    {
        lock (_lock)
        {
            var chain = ChainUnsynchronized(key.Client, key.Session!);
            var isLate = chain.Highest > key.Sequence;
            chain.Highest = Math.Max(chain.Highest, key.Sequence);
            return isLate;
        }
    }

    /// <summary>A send has its answer. <paramref name="isMissing"/>: it is not stored, or nobody knows, and is expected again.</summary>
    public void Leave(string client, string session, long sequence, bool isMissing)
    {
        lock (_lock)
        {
            if (!isMissing && !_chains.ContainsKey((client, session)))
            {
                return;
            }

            var chain = ChainUnsynchronized(client, session);
            chain.OnTheirWay.Remove(sequence);
            if (isMissing && chain.Missing.Count < Most)
            {
                chain.Missing.Add(sequence);
            }
        }
    }

    private Chain ChainUnsynchronized(string client, string session)
    {
        if (_chains.TryGetValue((client, session), out var known))
        {
            return known;
        }

        foreach (var quiet in _chains.Count < MostSessions ? [] : _chains.Where(c => c.Value.OnTheirWay.Count == 0).ToArray())
        {
            _chains.Remove(quiet.Key);
        }

        return _chains[(client, session)] = new Chain();
    }

    private sealed class Chain
    {
        /// <summary>The highest that has gone to the log.</summary>
        public long Highest { get; set; }

        /// <summary>Ascending, and short: new ones come to the end, and the first one leaves first.</summary>
        public List<long> OnTheirWay { get; } = [];

        public SortedSet<long> Missing { get; } = [];
    }
}
