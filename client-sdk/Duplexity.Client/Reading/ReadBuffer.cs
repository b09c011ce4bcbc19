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
    private bool _isComplete;
    private Exception? _fault;

    /// <summary>Raised, outside of any lock, when reading has brought the buffer down to half or less.</summary>
    public event Action? Drained;

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

    /// <summary>One reader's cursor; used by one thread at a time.</summary>
    internal sealed class Reader(ReadBuffer buffer, long next) : IDisposable
    {
        public long Next { get; private set; } = next;

        public TaskCompletionSource Signal { get; private set; } = NewSignal();

        /// <summary>True when there is something to read; false when nothing follows.</summary>
        /// <exception cref="DuplexityException">The subscription failed.</exception>
        public async ValueTask<bool> WaitAsync(CancellationToken ct)
        {
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
            bool isHalfEmpty;
            lock (buffer._gate)
            {
                if (Next >= buffer._end)
                {
                    message = null;
                    return false;
                }

                message = buffer._ring[Next++ % buffer._ring.Length]!;
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

        private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
