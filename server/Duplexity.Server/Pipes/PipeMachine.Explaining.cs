using Duplexity.Protocol;

namespace Duplexity.Server.Pipes;

/// <content>What would become of a message.</content>
internal sealed partial class PipeMachine
{
    /// <summary>What each gate would say of a message to <paramref name="target"/>, now; nothing is counted.</summary>
    public async Task<GateVerdict[]> ExplainAsync(Sender sender, Address target)
    {
        // A message of the smallest kind: what a size or a rate refuses even then.
        var request = new SendRequest { Text = "" };
        var isFar = IsFar(target) && await _far!.ReachesAsync(target.Name, sender, null);
        var deadline = new GateDeadline(_time, _options.Times.Gate);
        var verdicts = new List<GateVerdict>();
        foreach (var (step, own) in new[] { (Step.Ingress, _ingress), (Step.Entry, _entry) })
        {
            var (word, at) = (step.ToString().ToLowerInvariant(), step == Step.Entry ? target : default);
            foreach (var gate in own.Where(g => !g.LooksBehind || !verdicts.Exists(v => v.Error?.Is(Errors.UnknownDestination) == true)))
            {
                verdicts.Add(new GateVerdict { Gate = gate.Name, Step = word, Error = gate.Check(new Passage(step, sender, at, request, null) { IsTrial = true, IsReachedFar = isFar }) });
            }

            foreach (var gate in _gates.At(step).Where(g => g.Covers(step == Step.Entry ? target.ToString() : $"client:{sender.Client}")))
            {
                var context = GateViews.Of(sender, step, Operation.Send) with { Target = at, Message = GateViews.Of(request, sender), IsTrial = true };
                verdicts.Add(new GateVerdict { Gate = gate.Name, Step = word, Error = GateRun.ErrorOf(gate.Name, await gate.AskAsync(context, deadline)) });
            }
        }

        return [.. verdicts];
    }
}
