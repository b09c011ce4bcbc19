using Duplexity.Protocol;

namespace Duplexity.Links;

/// <summary>Calls that may be repeated: each waits for an open link, goes on with the next link when its own is lost, and has one time-out over all of it.</summary>
internal sealed class Calls<TLink>(Slot<TLink> slot, DuplexityConnectionOptions options)
    where TLink : Link
{
    /// <summary>The answer, and the link that gave it.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<(TLink Link, TAnswer Answer)> AskAsync<TAnswer>(Func<TLink, Task<TAnswer>> call, CancellationToken ct)
        where TAnswer : Answer
    {
        var backoff = new Backoff(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(2));
        var started = options.TimeProvider.GetTimestamp();
        while (true)
        {
            var link = await slot.WaitAsync(Left(), ct).ConfigureAwait(false);
            DuplexityException refusal;
            try
            {
                var answer = await call(link).WaitAsync(Left(), options.TimeProvider, ct).ConfigureAwait(false);
                return (link, answer.OrThrow());
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                throw;
            }
            catch (Exception e) when (Faults.IsLoss(e))
            {
                slot.Clear(link);
                link.Abandon(e);
                continue;
            }
            catch (Exception e)
            {
                refusal = Faults.OfInvocation(e);
            }

            var pause = TimeSpan.FromMilliseconds(Math.Max(backoff.Next().TotalMilliseconds, refusal.Error.RetryAfterMs ?? 0));
            if (refusal.Kind != ErrorKind.Unavailable || pause >= Left())
            {
                throw refusal;
            }

            await Task.Delay(pause, options.TimeProvider, ct).ConfigureAwait(false);
        }

        TimeSpan Left()
        {
            var left = options.SendTimeout - options.TimeProvider.GetElapsedTime(started);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }
}
