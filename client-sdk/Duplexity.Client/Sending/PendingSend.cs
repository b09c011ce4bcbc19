using Duplexity.Protocol;

namespace Duplexity.Sending;

/// <summary>A send without an answer yet. Its mutable members are guarded by the outbox.</summary>
internal sealed class PendingSend
{
    public PendingSend(MessageRequest request, long order)
    {
        Request = request;
        Order = order;
        Node = new LinkedListNode<PendingSend>(this);
    }

    public MessageRequest Request { get; }

    public long Order { get; }

    public LinkedListNode<PendingSend> Node { get; }

    public TaskCompletionSource<SendResponse> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public int Attempt { get; set; }

    /// <summary>The message's id while the server holds it until a challenge is answered; null: it does not.</summary>
    public string? HeldAs { get; set; }

    /// <summary>Whether an attempt ended without saying what became of the message.</summary>
    public bool MayBeStored { get; set; }

    public DuplexityError? LastRefusal { get; set; }
}
