using System.Diagnostics.CodeAnalysis;

namespace Duplexity.Reading;

/// <summary>
/// The messages of one subscription that wait to be read: a ring of fixed size with one cursor for each reader. Every reader sees every message that is still
/// there when it begins, or comes later; a message leaves when the slowest reader has it. Without readers messages wait for the first one. Thread-safe.
/// </summary>
internal sealed class ReadBuffer(int capacity)
{
    private readonly Lock _gate = new();
    private readonly Message?[] _ring = new Message?[capacity];
    private readonly List<Reader> _readers = [];
    private long _first;
    private long _end;
    private long _finished;
    private bool _isComplete;
    private Exception? _fault;

    /// <summary>Raised, outside of any lock, when reading has brought the buffer down to half or less.</summary>
    public event Action? Drained;

    /// <summary>Raised, outside of any lock, when every reader has finished with a message and all before it.</summary>
    public event Action<Message>? Finished;

    public bool IsFull
    {
        get
        {
            lock (_gate)
            {
                return _end - _first >= capacity;
            }
        }
    }

    public bool IsHalfEmpty
    {
        get
        {
            lock (_gate)
            {
                return IsHalfEmptyUnsynchronized;
            }
        }
    }

    private bool IsHalfEmptyUnsynchronized => _end - _first <= capacity / 2;

    /// <summary>False if it is full or over.</summary>
    public bool TryAdd(Message message)
    {
        lock (_gate)
        {
            if (_isComplete || _end - _first >= capacity)
            {
                return false;
            }

            _ring[_end++ % capacity] = message;
            SignalUnsynchronized();
            return true;
        }
    }

    /// <summary>Nothing follows: readers end once they have read what is there, with <paramref name="fault"/> if there is one.</summary>
    public void Complete(Exception? fault = null)
    {
        lock (_gate)
        {
            if (_isComplete)
            {
                return;
            }

            _isComplete = true;
            _fault = fault;
            SignalUnsynchronized();
        }
    }

    public Reader Open()
    {
        lock (_gate)
        {
            var reader = new Reader(this, _first);
            _readers.Add(reader);
            return reader;
        }
    }

    private void SignalUnsynchronized()
    {
        foreach (var reader in _readers)
        {
            reader.Signal.TrySetResult();
        }
    }

    private void TrimUnsynchronized()
    {
        if (_readers.Count == 0)
        {
            return;
        }

        for (var slowest = _readers.Min(r => r.Next); _first < slowest; _first++)
        {
            _ring[_first % capacity] = null;
        }
    }

    /// <summary>The last message that every reader has finished with; null where that is no news.</summary>
    private Message? FinishUnsynchronized()
    {
        var slowest = _readers.MinBy(r => r.Done);
        if (slowest is null || slowest.Done <= _finished)
        {
            return null;
        }

        _finished = slowest.Done;
        return slowest.Last;
    }

    /// <summary>One reader's cursor; used by one thread at a time.</summary>
    internal sealed class Reader(ReadBuffer buffer, long next) : IDisposable
    {
        private Message? _inHand;

        public long Next { get; private set; } = next;

        /// <summary>Everything before it is finished with: who asks for the next message has finished with the last one.</summary>
        public long Done { get; private set; } = next;

        /// <summary>The last message before <see cref="Done"/> that this reader had.</summary>
        public Message? Last { get; private set; }

        public TaskCompletionSource Signal { get; private set; } = NewSignal();

        /// <summary>True when there is something to read; false when nothing follows.</summary>
        /// <exception cref="DuplexityException">The subscription failed.</exception>
        public async ValueTask<bool> WaitAsync(CancellationToken ct)
        {
            Finish();
            while (true)
            {
                Task signal;
                lock (buffer._gate)
                {
                    if (Next < buffer._end)
                    {
                        return true;
                    }

                    if (buffer._isComplete)
                    {
                        return buffer._fault is null ? false : throw buffer._fault;
                    }

                    if (Signal.Task.IsCompleted)
                    {
                        Signal = NewSignal();
                    }

                    signal = Signal.Task;
                }

                await signal.WaitAsync(ct).ConfigureAwait(false);
            }
        }

        public bool TryRead([NotNullWhen(true)] out Message? message)
        {
            Finish();
            bool isHalfEmpty;
            lock (buffer._gate)
            {
                if (Next >= buffer._end)
                {
                    message = null;
                    return false;
                }

                _inHand = message = buffer._ring[Next++ % buffer._ring.Length]!;
                buffer.TrimUnsynchronized();
                isHalfEmpty = buffer.IsHalfEmptyUnsynchronized;
            }

            if (isHalfEmpty)
            {
                buffer.Drained?.Invoke();
            }

            return true;
        }

        /// <summary>Ends reading; what the reader left, and no other reader needs, makes room.</summary>
        public void Dispose()
        {
            bool isHalfEmpty;
            lock (buffer._gate)
            {
                // The last reader leaves what it has not read to the next one.
                if (buffer._readers.Remove(this))
                {
                    buffer.TrimUnsynchronized();
                }

                isHalfEmpty = buffer.IsHalfEmptyUnsynchronized;
            }

            if (isHalfEmpty)
            {
                buffer.Drained?.Invoke();
            }
        }

        private void Finish()
        {
            Message? finished;
            lock (buffer._gate)
            {
                if (Done == Next)
                {
                    return;
                }

                (Done, Last) = (Next, _inHand);
                finished = buffer.FinishUnsynchronized();
            }

            if (finished is not null)
            {
                buffer.Finished?.Invoke(finished);
            }
        }

        private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
