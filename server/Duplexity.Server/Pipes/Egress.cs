using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <summary>
/// The last gates of a message's way: as it leaves a socket's queue, and alike as it leaves the log for History, so that nothing which was refused live can
/// be fetched (G9).
/// </summary>
internal sealed class Egress(IEnumerable<IGate> gates)
{
    private readonly IGate[] _gates = [.. gates.Where(g => g.Step == Step.Egress)];

    /// <summary>Whether there is no gate to ask.</summary>
    public bool IsEmpty => _gates.Length == 0;

    /// <summary>Whether <paramref name="receiver"/> may have the entry.</summary>
    public bool Lets(Sender receiver, LogEntry entry)
    {
        foreach (var gate in _gates)
        {
            if (gate.Check(new GateContext(Step.Egress, receiver, entry.Channel, null, entry.Message)) is not null)
            {
                return false;
            }
        }

        return true;
    }
}
