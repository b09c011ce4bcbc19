namespace Duplexity.Server.Engine;

/// <summary>
/// The changes of records that wait for the disk, a line for each kind, and one of each by turns: a revocation goes with the next commit, however many locks change hands. Each line is bounded by itself, so that a full one
/// refuses nothing to another. Kinds are as many as there are in the code. Not thread-safe.
/// </summary>
internal sealed class RecordLines(LimitOptions limits)
{
    /// <summary>Changes of one batch, and their bytes: a few milliseconds, which the next batch waits.</summary>
    private const int MostOfBatch = 500;
    private const int MostBytesOfBatch = 4 * 1024 * 1024;

    private readonly Dictionary<string, Line> _lines = new(StringComparer.Ordinal);
    private readonly Queue<Line> _turns = new();

    /// <summary>Puts a change into its line.</summary>
    /// <exception cref="DuplexityException">Too much waits in it already; nothing was kept.</exception>
    public void Add(RecordWork work)
    {
        var line = _lines.TryGetValue(work.Line, out var there) ? there : _lines[work.Line] = new Line();
        if (line.Works.Count >= limits.RecordsWaiting || line.Bytes > limits.RecordBytesWaiting)
        {
            throw new DuplexityException(DuplexityError.Of(Errors.Unavailable, "More changes of this kind wait for the node's disk than it takes; nothing was kept, try again in a moment.") with
            {
                Limit = line.Works.Count >= limits.RecordsWaiting ? "records_waiting" : "record_bytes_waiting",
                Used = line.Works.Count >= limits.RecordsWaiting ? line.Works.Count : line.Bytes,
            });
        }

        if (line.Works.Count == 0)
        {
            _turns.Enqueue(line);
        }

        line.Works.Enqueue(work);
        line.Bytes += work.Bytes;
    }

    /// <summary>What is to be committed next; empty: nothing waits.</summary>
    public List<RecordWork> Take()
    {
        List<RecordWork> batch = [];
        var bytes = 0L;
        while (batch.Count < MostOfBatch && bytes < MostBytesOfBatch && _turns.TryDequeue(out var line))
        {
            var work = line.Works.Dequeue();
            line.Bytes -= work.Bytes;
            bytes += work.Bytes;
            batch.Add(work);
            if (line.Works.Count > 0)
            {
                _turns.Enqueue(line);
            }
        }

        return batch;
    }

    private sealed class Line
    {
        public Queue<RecordWork> Works { get; } = new();

        public long Bytes { get; set; }
    }
}
