using Duplexity.Reading;

namespace Duplexity;

/// <summary>
/// A message that this connection alone has, until it is acknowledged, disposed of, which gives it back, or <see cref="Lost"/>. It is renewed by itself meanwhile. Thread-safe.
/// <para>A program that stood still may act after its lease has ended, while somebody else works on the message already. <see cref="Attempt"/> is a fencing token: hand it to what the work changes, and let that refuse a lower one.</para>
/// </summary>
public sealed class ClaimedMessage : IAsyncDisposable
{
    private readonly ClaimKeeper _keeper;

    internal ClaimedMessage(ClaimKeeper keeper)
    {
        _keeper = keeper;
    }

    /// <summary>The message.</summary>
    public Message Message => _keeper.Message;

    /// <summary>Which offering of the message this is, counted from 1 over restarts of the server: greater than those of all claims of it before.</summary>
    public int Attempt => _keeper.Message.Attempt;

    /// <summary>
    /// Fires when the claim is lost: its lease has ended, or its connection, or it was not renewed for the lease less a tenth by this program's own clock. Stop then: somebody else is offered the message. Not fired by acknowledging or disposing.
    /// </summary>
    public CancellationToken Lost => _keeper.Lost;

    /// <summary>Says that the work is done: the message is offered to nobody any more.</summary>
    /// <exception cref="DuplexityException">
    /// <see cref="Errors.StaleAttempt"/>: the claim was lost before, and the work will be done again. <see cref="Errors.OutcomeUnknown"/>: the connection was lost meanwhile, and it may be done again.
    /// </exception>
    public Task AcknowledgeAsync(CancellationToken ct = default) => _keeper.AcknowledgeAsync(ct);

    /// <summary>Gives the message back if it was not acknowledged: it is offered again after 10 s, 20 s, 40 s …, and after five attempts is a dead letter. Never throws: where the server cannot be told, the lease ends it.</summary>
    public async ValueTask DisposeAsync() => await _keeper.ReturnAsync(null).ConfigureAwait(false);
}
