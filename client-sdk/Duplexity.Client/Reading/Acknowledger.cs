using Duplexity.Protocol;

namespace Duplexity.Reading;

/// <summary>
/// Tells the server how far the inbox is read: with <see cref="AckMode.Auto"/> what every reader has finished with, gathered for 250 ms or 100 messages, one call at a time. What a loss keeps from the
/// server is told with what follows, or comes again at the next start. Thread-safe.
/// </summary>
internal sealed class Acknowledger
{
    /// <summary>As often as the server writes it.</summary>
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(250);

    /// <summary>How many are gathered at most.</summary>
    private const int Most = 100;

    /// <summary>How long the end of a connection waits for the last word.</summary>
    private static readonly TimeSpan LastWord = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Listener _listener;
    private readonly Func<AcknowledgeRequest, CancellationToken, Task> _tell;
    private readonly DuplexityConnectionOptions _options;
    private readonly ITimer _timer;
    private Position? _through;
    private int _count;
    private Task _telling = Task.CompletedTask;

    public Acknowledger(Listener listener, Func<AcknowledgeRequest, CancellationToken, Task> tell, DuplexityConnectionOptions options)
    {
        (_listener, _tell, _options) = (listener, tell, options);
        _timer = options.TimeProvider.CreateTimer(_ => _ = TellAsync(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        if (listener.Ack == AckMode.Auto)
        {
            listener.Buffer.Finished += OnFinished;
        }
    }

    /// <summary>One message, by hand.</summary>
    public Task AcknowledgeAsync(Position position, int? attempt, CancellationToken ct) => _tell(Request() with { Position = position, Attempt = attempt }, ct);

    /// <summary>Tells now what is gathered; for a moment at most, and never throws.</summary>
    public async Task FlushAsync()
    {
        try
        {
            await TellAsync().WaitAsync(LastWord, _options.TimeProvider).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // It comes again at the next start.
        }
    }

    private void OnFinished(Message message)
    {
        if (message.Channel != _listener.Address)
        {
            return;
        }

        bool isFirst, isEnough;
        lock (_gate)
        {
            isFirst = _through is null;
            isEnough = ++_count == Most;
            _through = message.Position;
        }

        if (isEnough)
        {
            _ = TellAsync();
        }
        else if (isFirst)
        {
            _timer.Change(Gather, Timeout.InfiniteTimeSpan);
        }
    }

    private Task TellAsync()
    {
        lock (_gate)
        {
            // Behind the one that is on its way: a place never goes back.
            return _through is null ? _telling : _telling = TellNextAsync(_telling);
        }
    }

    private async Task TellNextAsync(Task before)
    {
        await before.ConfigureAwait(false);
        Position? through;
        lock (_gate)
        {
            (through, _through, _count) = (_through, null, 0);
        }

        if (through is null)
        {
            return;
        }

        try
        {
            await _tell(Request() with { Through = through }, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is DuplexityException or OperationCanceledException or ObjectDisposedException or TimeoutException)
        {
            // Not reached, or its log has lost that place: what is not told is repeated, never lost.
        }
    }

    private AcknowledgeRequest Request() => new() { As = _listener.As, Channel = _listener.Address.ToString(), Reader = _listener.Reader };
}
