using System.Text.Json;

namespace Duplexity.Cli.Pipes;

/// <summary>A pipe that <c>up</c> serves, and what its visitors have done so far.</summary>
/// <param name="pipe">The open pipe.</param>
/// <param name="written">What the project's file says of it; null: it is not from there.</param>
internal sealed class ServedPipe(Pipe pipe, JsonElement? written)
{
    /// <summary>Over how long the rate is taken, in readings.</summary>
    private const int Readings = 10;

    private readonly Queue<(long Requests, long At)> _readings = new();
    private long _requests;

    public Pipe Pipe => pipe;

    /// <summary>Requests, or connections of a TCP pipe, that have ended.</summary>
    public long Requests => Volatile.Read(ref _requests);

    /// <summary>The status of the last answer; null: none yet, or not HTTP.</summary>
    public int? LastStatus { get; private set; }

    /// <summary>Completes when it is served no more, with why; null: this program closed it.</summary>
    public Task<DuplexityError?> Over { get; private set; } = Task.FromResult<DuplexityError?>(null);

    /// <summary>Begins to read its exchanges.</summary>
    public ServedPipe Begin(Action<ServedPipe, Exchange> tell)
    {
        Over = ReadAsync(tell);
        return this;
    }

    /// <summary>Whether the file says the same of it as before.</summary>
    public bool IsAsWritten(JsonElement now) => written is { } before && JsonElement.DeepEquals(before, now);

    /// <summary>Requests a second since about five seconds ago; to be asked at even intervals.</summary>
    public double Rate(TimeProvider time)
    {
        var now = (Requests, At: time.GetTimestamp());
        _readings.Enqueue(now);
        if (_readings.Count > Readings)
        {
            _readings.Dequeue();
        }

        var (before, at) = _readings.Peek();
        var elapsed = time.GetElapsedTime(at, now.At).TotalSeconds;
        return elapsed > 0 ? (now.Requests - before) / elapsed : 0;
    }

    private async Task<DuplexityError?> ReadAsync(Action<ServedPipe, Exchange> tell)
    {
        await foreach (var exchange in pipe.Exchanges)
        {
            Interlocked.Add(ref _requests, exchange.LeftOut + 1L);
            LastStatus = exchange.Status;
            tell(this, exchange);
        }

        return await pipe.Closed;
    }
}
