namespace Duplexity.Reading;

/// <summary>The requests of a connection that wait for an answer. An answer may overtake the receipt that names the request's id: it waits for that one. Bounded by the sends in flight; thread-safe.</summary>
internal sealed class Replies
{
    /// <summary>Answers that wait for receipts: more than sends are on the wire at once.</summary>
    private const int MostEarly = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, TaskCompletionSource<Message>> _waiting = [];
    private readonly List<(Message Message, Action HandOn)> _early = [];
    private int _unnamed;
    private DuplexityException? _over;

    /// <summary>Sends a request by <paramref name="send"/>, which returns its id, and waits for the answer.</summary>
    /// <exception cref="DuplexityException">405: there was none in time; or the send's own.</exception>
    public async Task<Message> AskAsync(Func<Task<string>> send, TimeSpan timeout, TimeProvider time, CancellationToken ct)
    {
        lock (_gate)
        {
            _unnamed++;
        }

        string? id = null;
        var answer = new TaskCompletionSource<Message>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            id = await send().ConfigureAwait(false);
        }
        finally
        {
            Name(id, answer);
        }

        try
        {
            return await answer.Task.WaitAsync(timeout, time, ct).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new DuplexityException(DuplexityError.Of(Errors.NoReply, $"There was no answer within {timeout.TotalSeconds:0.###} s; the request {id} is stored, and may be answered later."), e);
        }
        finally
        {
            lock (_gate)
            {
                _waiting.Remove(id);
            }
        }
    }

    /// <summary>Takes a message to the socket that answers a request; false: it is for the readers. One that may answer a request without a receipt yet is handed on later if it does not.</summary>
    public bool TryTake(Message message, Action handOn)
    {
        if (message.Re is not { } re)
        {
            return false;
        }

        lock (_gate)
        {
            if (_waiting.Remove(re, out var waiting))
            {
                return waiting.TrySetResult(message);
            }

            if (_unnamed == 0 || _early.Count == MostEarly)
            {
                return false;
            }

            _early.Add((message, handOn));
            return true;
        }
    }

    /// <summary>A message of another channel, which its readers see as well, may be the answer.</summary>
    public void Look(Message message)
    {
        if (message.Re is { } re)
        {
            lock (_gate)
            {
                if (_waiting.Remove(re, out var waiting))
                {
                    waiting.TrySetResult(message);
                }
            }
        }
    }

    /// <summary>The connection is over: nobody is answered any more.</summary>
    public void End(DuplexityException reason)
    {
        lock (_gate)
        {
            _over = reason;
            foreach (var waiting in _waiting.Values)
            {
                waiting.TrySetException(reason);
            }
        }
    }

    private void Name(string? id, TaskCompletionSource<Message> answer)
    {
        (Message Message, Action HandOn)[] others = [];
        lock (_gate)
        {
            _unnamed--;
            if (id is not null)
            {
                var early = _early.FindIndex(e => e.Message.Re == id);
                if (early >= 0)
                {
                    answer.TrySetResult(_early[early].Message);
                    _early.RemoveAt(early);
                }
                else if (_over is not null)
                {
                    answer.TrySetException(_over);
                }
                else
                {
                    _waiting.Add(id, answer);
                }
            }

            if (_unnamed == 0)
            {
                others = [.. _early];
                _early.Clear();
            }
        }

        foreach (var (_, handOn) in others)
        {
            handOn();
        }
    }
}
