using System.Diagnostics;
using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <summary>
/// One message on its way through the gates: what it is by now, where it goes, and which gate is next, so that one that was held goes on where it stood. Touched by one thread at a time.
/// </summary>
internal sealed class Transit
{
    private readonly MessageRequest _asSent;
    private HashSet<Address>? _passed;
    private HashSet<Address>? _reachedFar;

    public Transit(Sender sender, MessageRequest request, List<Destination> destinations, IdempotencyKey? key, string messageId)
    {
        Sender = sender;
        Request = _asSent = request;
        Destinations = destinations;
        Named = destinations.Count;
        Key = key;
        MessageId = messageId;
    }

    /// <summary>Who sends. A message that was held goes on as its sender stands then.</summary>
    public Sender Sender { get; set; }

    /// <summary>What is sent, with what gates changed.</summary>
    public MessageRequest Request { get; set; }

    /// <summary>Those that the sender named, then those to which gates sent the message on.</summary>
    public List<Destination> Destinations { get; private set; }

    /// <summary>Made from the request as it was sent, whatever gates change.</summary>
    public IdempotencyKey? Key { get; }

    public string MessageId { get; }

    public MessageTrace? Trace { get; init; }

    /// <summary>Its span, where somebody listens to those.</summary>
    public Activity? Span { get; init; }

    /// <summary>What a client's own pipe brings along with it; null: the sender sent it.</summary>
    public Carried? Carried { get; init; }

    /// <summary>How many of the destinations the sender named: the first ones.</summary>
    public int Named { get; }

    /// <summary>The destination whose gates are asked; -1: those at the ingress.</summary>
    public int At { get; set; } = -1;

    /// <summary>The next application gate there.</summary>
    public int Next { get; set; }

    /// <summary>The client's answer for the next gate.</summary>
    public ChallengeAnswer? Answer { get; set; }

    /// <summary>What the gate at this place asks the client; null: nothing.</summary>
    public GateResult.Held? Question { get; set; }

    /// <summary>Which gate that is.</summary>
    public string? QuestionOf { get; set; }

    /// <summary>Where the message is stored; null where it was stored before under the same key.</summary>
    public AppendResult? Earlier { get; set; }

    /// <summary>All channels that it may go to: what later messages of the sender wait behind it for.</summary>
    public IEnumerable<Address> Channels => Destinations.Where(d => d.IsTaking).Select(d => d.Address);

    /// <summary>Whether the node's own gates at a destination have let it pass before.</summary>
    public bool HasPassed(Address destination) => _passed?.Contains(destination) == true;

    /// <summary>The node's own gates at a destination let it pass.</summary>
    public void Pass(Address destination) => (_passed ??= []).Add(destination);

    /// <summary>Whether a destination is a socket of another node, which has said that it takes the message.</summary>
    public bool IsReachedFar(Address destination) => _reachedFar?.Contains(destination) == true;

    /// <summary>A socket of another node takes the message.</summary>
    public void ReachFar(Address destination) => (_reachedFar ??= []).Add(destination);

    /// <summary>Back before the first gate, as it was sent.</summary>
    public void Restart()
    {
        // What could not be read as an address has none, and stays refused.
        Destinations = [.. Destinations.Take(Named).Select(d => d.Address.Kind == AddressKind.None ? d : new Destination(d.Address, d.Text, null))];
        (Request, At, Next) = (_asSent, -1, 0);
        (Answer, Question, QuestionOf) = (null, null, null);
    }

    /// <summary>The message as gates see it.</summary>
    public GateMessage View() => Carried is { } carried ? GateViews.Of(Request, Sender) with { From = carried.From } : GateViews.Of(Request, Sender);
}
