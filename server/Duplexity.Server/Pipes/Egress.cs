using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <summary>
/// The last gates of a message's way: as it leaves a socket's queue, and alike as it leaves the log for History, so that nothing which was refused live can
/// be fetched (G9).
/// </summary>
internal sealed class Egress(IEnumerable<IBuiltInGate> own, ApplicationGates gates)
{
    private readonly IBuiltInGate[] _own = [.. own.Where(g => g.Step == Step.Egress)];

    /// <summary>Whether there is no gate to ask.</summary>
    public bool IsEmpty { get; } = gates.IsEmpty(Step.Egress) && !own.Any(g => g.Step == Step.Egress);

    /// <summary>Whether <paramref name="receiver"/> may have the entry.</summary>
    public bool Lets(Sender receiver, LogEntry entry)
    {
        foreach (var gate in _own)
        {
            if (gate.Check(new Passage(Step.Egress, receiver, entry.Channel, null, entry.Message)) is not null)
            {
                return false;
            }
        }

        return gates.IsEmpty(Step.Egress) || LetsByApplication(receiver, entry);
    }

    private bool LetsByApplication(Sender receiver, LogEntry entry)
    {
        var text = entry.Channel.ToString();
        GateContext? context = null;
        foreach (var gate in gates.At(Step.Egress))
        {
            if (gate.Covers(text) && !gate.Lets(context ??= GateViews.Of(receiver, Step.Egress, Operation.Receive) with { Target = entry.Channel, Message = GateViews.Of(entry.Message) }))
            {
                return false;
            }
        }

        return true;
    }
}
