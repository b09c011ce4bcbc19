using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Pipes;

/// <summary>
/// A gate that was added to the node's own, with the name that a refused sender is told. Asking it never throws: what fails, comes too late, or means nothing here, refuses. Thread-safe.
/// </summary>
internal sealed class ApplicationGate(string name, Step step, string pattern, Func<IGate> create, TimeProvider time, ILogger logger)
{
    /// <summary>How often a failing gate is logged at most: it fails for every message.</summary>
    private static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(10);

    // Made late: a gate may want what its messages go through, IDuplexity.
    private readonly Lazy<IGate> _gate = new(create);
    private long _lastLog;
    private int _failures;

    public string Name => name;

    public Step Step => step;

    /// <summary>Makes the gate, so that one that cannot be made is seen when the node starts.</summary>
    public void Make() => _ = _gate.Value;

    /// <summary>Whether it looks at an address (at the ingress: at <c>client:CID</c>).</summary>
    public bool Covers(string text) => Pattern.Matches(pattern, text);

    /// <summary>Asks it. Completes at once where the gate does.</summary>
    public ValueTask<GateResult> AskAsync(GateContext context, GateDeadline deadline)
    {
        try
        {
            var answer = _gate.Value.CheckAsync(context, deadline.Token);
            return answer.IsCompletedSuccessfully ? new(Checked(answer.Result)) : WaitAsync(answer.AsTask(), deadline);
        }
        catch (Exception e)
        {
            return new(Failed(e));
        }
    }

    /// <summary>Asks it where it must answer at once; whatever is not a pass or a refusal refuses.</summary>
    public bool Lets(GateContext context)
    {
        try
        {
            var answer = _gate.Value.CheckAsync(context, CancellationToken.None);
            if (answer.IsCompletedSuccessfully && answer.Result is GateResult.Passed or GateResult.Refused)
            {
                return answer.Result is GateResult.Passed;
            }

            _ = answer.IsCompleted ? null : answer.AsTask().ContinueWith(t => t.Exception, TaskScheduler.Default);
            Failed(answer.IsFaulted ? answer.AsTask().Exception!.GetBaseException() : new InvalidOperationException("At the egress a gate answers at once, with Pass or Refuse."));
            return false;
        }
        catch (Exception e)
        {
            Failed(e);
            return false;
        }
    }

    private async ValueTask<GateResult> WaitAsync(Task<GateResult> answer, GateDeadline deadline)
    {
        try
        {
            return Checked(await deadline.WaitAsync(answer));
        }
        catch (Exception e)
        {
            return Failed(e);
        }
    }

    // A gate of an application without nullable checks may answer with nothing at all.
    private GateResult Checked(GateResult? result) => result ?? Failed(new InvalidOperationException("The gate answered null."));

    private GateResult.Failed Failed(Exception exception)
    {
        Interlocked.Increment(ref _failures);
        var last = Volatile.Read(ref _lastLog);
        if ((last == 0 || time.GetElapsedTime(last) >= LogInterval) && Interlocked.CompareExchange(ref _lastLog, time.GetTimestamp(), last) == last)
        {
            logger.GateFailed(name, Interlocked.Exchange(ref _failures, 0), exception);
        }

        var what = exception is TimeoutException ? "did not answer in time" : "failed";
        return new(DuplexityError.Of(Errors.Unavailable, $"The gate {name} {what}; try again.") with { Gate = name });
    }
}

/// <summary>How long the gates of one message may still take, together; it runs from the first one that does not answer at once.</summary>
internal sealed class GateDeadline(TimeProvider time, TimeSpan limit)
{
    private readonly CancellationTokenSource _late = new();
    private long? _since;

    /// <summary>Cancelled when time is up.</summary>
    public CancellationToken Token => _late.Token;

    /// <exception cref="TimeoutException">Time is up.</exception>
    public async Task<T> WaitAsync<T>(Task<T> task)
    {
        _since ??= time.GetTimestamp();
        var left = limit - time.GetElapsedTime(_since.Value);
        try
        {
            return await task.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, time);
        }
        catch (TimeoutException) when (!task.IsCompleted)
        {
            _ = task.ContinueWith(t => t.Exception, TaskScheduler.Default); // what it throws now is nobody's any more
            await _late.CancelAsync();
            throw;
        }
    }
}
