using Duplexity.Protocol;

namespace Duplexity.Server.Pipes;

/// <summary>The other end of a sender's socket, as far as the pipes need it.</summary>
internal interface ISenderEnd
{
    /// <summary>A client of the socket as it stands now; null: it has fallen off, or its time is over.</summary>
    Sender? Renewed(string client);

    /// <summary>Asks the client something.</summary>
    void Tell(ChallengeEvent challenge);

    /// <summary>Says what became of a message that was held.</summary>
    void Tell(ReceiptChangedEvent changed);
}

/// <summary>
/// The sends of one socket in the order of their arrival: one whose gates have not all answered holds up those behind it, whose own gates are being asked meanwhile, and nobody else's (G11). Where
/// nothing waits, a send passes with one look. Beside it what gates hold until the client has answered. A batch that comes by HTTP has such a line, too, with nobody at its end. Thread-safe.
/// </summary>
/// <param name="end">Who can be asked, and told; null: nobody, and so nothing is held.</param>
internal sealed class SendLine(ISenderEnd? end)
{
    private readonly Lock _lock = new();
    private Task _last = Task.CompletedTask;
    private int _pending;

    /// <summary>The socket at its end; only asked for where one is.</summary>
    public ISenderEnd End => end ?? throw new InvalidOperationException("Nobody is at the end of this line.");

    /// <summary>Whether somebody is at its end who could answer.</summary>
    public bool HasEnd => end is not null;

    /// <summary>What of it carries a sequence, so that nothing overtakes one that was not stored.</summary>
    public SendOrder Order { get; } = new();

    /// <summary>What is held, and asked.</summary>
    public HeldMessages Held { get; } = new();

    /// <summary>Lets a message go in its turn.</summary>
    /// <param name="transit">The message.</param>
    /// <param name="asked">What its gates say, as soon as they do; never faults.</param>
    /// <param name="commit">Takes the message, before its first await.</param>
    public ValueTask<SendResponse> PassAsync(Transit transit, ValueTask<DuplexityError?> asked, Func<Transit, DuplexityError?, ValueTask<SendResponse>> commit)
    {
        // SignalR starts a socket's invocations one after the other: nobody else can come in between. Who leaves the line has committed before.
        if (asked.IsCompletedSuccessfully && Volatile.Read(ref _pending) == 0)
        {
            return commit(transit, asked.Result);
        }

        var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task before;
        lock (_lock)
        {
            _pending++;
            (before, _last) = (_last, mine.Task);
        }

        return PassLaterAsync(transit, asked, commit, before, mine);
    }

    private async ValueTask<SendResponse> PassLaterAsync(
        Transit transit, ValueTask<DuplexityError?> asked, Func<Transit, DuplexityError?, ValueTask<SendResponse>> commit, Task before, TaskCompletionSource mine)
    {
        ValueTask<SendResponse> answer;
        try
        {
            DuplexityError? refused;
            try
            {
                refused = await asked;
            }
            finally
            {
                // Also where the engine failed meanwhile: whoever leaves the line early lets the next one out of its turn.
                await before;
            }

            answer = commit(transit, refused);
        }
        finally
        {
            lock (_lock)
            {
                _pending--;
            }

            mine.SetResult();
        }

        return await answer;
    }
}
