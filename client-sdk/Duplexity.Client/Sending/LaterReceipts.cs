using Duplexity.Protocol;

namespace Duplexity.Sending;

/// <summary>
/// The sends that wait to be delivered or acknowledged, by message. What the server tells may overtake the answer that names the message, so that it is kept as long as some have no name yet. Bounded; thread-safe.
/// </summary>
internal sealed class LaterReceipts
{
    private const int MostEarly = 1_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Waiting> _waiting = new(StringComparer.Ordinal);
    private readonly Queue<ReceiptChangedEvent> _early = new();
    private int _unnamed;

    /// <summary>Sends, then waits until every destination that took the message has come so far; the receipt says how far it came within that time.</summary>
    public async Task<Receipt> AwaitAsync(Func<Task<Receipt>> send, ReceiptLevel level, TimeSpan within, TimeProvider time, CancellationToken ct)
    {
        lock (_gate)
        {
            _unnamed++;
        }

        Receipt? receipt = null;
        Waiting? waiting = null;
        try
        {
            receipt = await send().ConfigureAwait(false);
        }
        finally
        {
            waiting = Name(receipt, level);
        }

        try
        {
            await waiting!.Done.Task.WaitAsync(within, time, ct).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // The receipt says how far it has come.
        }
        finally
        {
            lock (_gate)
            {
                _waiting.Remove(receipt!.MessageId);
            }
        }

        return receipt with { Level = waiting!.Reached ?? receipt.Level };
    }

    /// <summary>Takes what the server tells; false: it is of a message that was held.</summary>
    public bool TryApply(ReceiptChangedEvent changed)
    {
        if (changed.Error?.Is(Errors.NotReached) != true && changed.Level is not ("delivered" or "acknowledged"))
        {
            return false;
        }

        lock (_gate)
        {
            if (_waiting.TryGetValue(changed.MessageId, out var waiting))
            {
                waiting.Apply(changed);
            }
            else if (_unnamed > 0 && _early.Count < MostEarly)
            {
                _early.Enqueue(changed);
            }
        }

        return true;
    }

    /// <summary>The connection that was told is lost: nothing more is.</summary>
    public void Lose()
    {
        lock (_gate)
        {
            foreach (var waiting in _waiting.Values)
            {
                waiting.Done.TrySetResult();
            }
        }
    }

    private Waiting? Name(Receipt? receipt, ReceiptLevel level)
    {
        lock (_gate)
        {
            _unnamed--;
            Waiting? waiting = null;
            if (receipt is not null)
            {
                _waiting[receipt.MessageId] = waiting = new Waiting(level, receipt.Destinations.Where(d => d.Error is null).Select(d => d.To.ToString()));
                foreach (var early in _early.Where(e => e.MessageId == receipt.MessageId))
                {
                    waiting.Apply(early);
                }
            }

            if (_unnamed == 0)
            {
                _early.Clear();
            }

            return waiting;
        }
    }

    private sealed class Waiting(ReceiptLevel level, IEnumerable<string> destinations)
    {
        private readonly Dictionary<string, ReceiptLevel> _reached = destinations.ToDictionary(d => d, _ => ReceiptLevel.Stored);

        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The level that all destinations have; null: none beyond the log.</summary>
        public ReceiptLevel? Reached => _reached.Count > 0 && _reached.Values.Min() is var least and > ReceiptLevel.Stored ? least : null;

        public void Apply(ReceiptChangedEvent changed)
        {
            if (changed.Error is not null)
            {
                Done.TrySetResult();
                return;
            }

            Levels.TryRead(changed.Level, out var now);
            foreach (var destination in changed.Destinations ?? [])
            {
                if (_reached.TryGetValue(destination.To, out var before) && before < now)
                {
                    _reached[destination.To] = now;
                }
            }

            if (Reached >= level)
            {
                Done.TrySetResult();
            }
        }
    }
}
