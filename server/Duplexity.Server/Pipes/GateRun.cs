using Duplexity.Protocol;

namespace Duplexity.Server.Pipes;

/// <summary>
/// Leads a message through the gates in order: at the ingress those of the application (the node's own have passed it already), at the entry of each destination the node's own, then the
/// application's. Where all of them answer at once, so does this. Thread-safe.
/// </summary>
internal sealed class GateRun(IBuiltInGate[] entry, ApplicationGates gates, Announcer announcer, TimeProvider time, DuplexityOptions options)
{
    private static readonly SizeGate Size = new();

    /// <summary>Whether only the node's own gates stand in the way.</summary>
    public bool IsPlain { get; } = gates.IsEmpty(Step.Ingress) && gates.IsEmpty(Step.Entry);

    /// <summary>Why the message ends before its destinations; null: each of them says for itself, or a gate has a <see cref="Transit.Question"/>.</summary>
    public ValueTask<DuplexityError?> AskAsync(Transit transit)
    {
        if (!IsPlain)
        {
            return AskAllAsync(transit);
        }

        PassIngress(transit);
        for (var i = 0; i < transit.Destinations.Count; i++)
        {
            if (transit.Destinations[i].Error is null)
            {
                Decide(transit, i, CheckOwn(transit, i));
            }
        }

        return default;
    }

    /// <summary>Whether the node's own gates refuse a destination, now.</summary>
    public DuplexityError? CheckOwn(Transit transit, int at)
    {
        var destination = transit.Destinations[at];
        announcer.Say(Step.Entry, AnnouncedAction.Entered, transit, destination.Text);
        var error = PipeMachine.Check(entry, PassageOf(transit, destination.Address, transit.HasPassed(destination.Address)));
        if (error is null && !IsPlain)
        {
            transit.Pass(destination.Address);
        }

        return error;
    }

    /// <summary>
    /// Just before the message goes: what has changed while gates of the application took their time, or a client to answer. An error where its sender is not there any more (G8); else each destination says for itself.
    /// </summary>
    public DuplexityError? AskLast(Transit transit)
    {
        if (!IsPlain && transit.Sender.Line is { HasEnd: true, End: var end } && end.Renewed(transit.Sender.Client) is null)
        {
            return Holds.FallenOff();
        }

        if (!IsPlain && transit.Sender.Against?.Invoke() is { } against)
        {
            return against;
        }

        for (var i = 0; !IsPlain && i < transit.Destinations.Count; i++)
        {
            if (transit.Destinations[i].IsTaking && PipeMachine.Check(entry, PassageOf(transit, transit.Destinations[i].Address, isAgain: true)) is { } error)
            {
                Decide(transit, i, error);
            }
        }

        return null;
    }

    /// <summary>What stands between the ingress and the destinations: the services hear of the message first, whatever its sender wants. Clients' own pipes have their place behind them.</summary>
    private void PassIngress(Transit transit)
    {
        announcer.Say(Step.Ingress, AnnouncedAction.Passed, transit);
        announcer.Say(Step.Service, AnnouncedAction.Entered, transit);
        announcer.Say(Step.Cooked, AnnouncedAction.Passed, transit);
    }

    private static Passage PassageOf(Transit transit, Address target, bool isAgain) =>
        new(Step.Entry, transit.Sender, target, transit.Request, null) { IsAgain = isAgain, IsReachedFar = transit.IsReachedFar(target) };

    private void Decide(Transit transit, int at, DuplexityError? error)
    {
        if (error is not null)
        {
            transit.Destinations[at] = transit.Destinations[at] with { Error = error };
        }

        var decided = transit.Destinations[at];
        if (decided.Instead is null)
        {
            announcer.Say(Step.Entry, error is null ? AnnouncedAction.Passed : AnnouncedAction.Refused, transit, decided.Text, error);
        }
    }

    private async ValueTask<DuplexityError?> AskAllAsync(Transit transit)
    {
        var deadline = new GateDeadline(time, options.Times.Gate);
        if (transit.At < 0)
        {
            var (error, isHeld) = await AskHereAsync(transit, Step.Ingress, $"client:{transit.Sender.Client}", default, deadline);
            if (error is not null)
            {
                announcer.Say(Step.Ingress, AnnouncedAction.Refused, transit, null, error);
            }

            if (error is not null || isHeld)
            {
                return error;
            }

            (transit.At, transit.Next) = (0, 0);
            PassIngress(transit);
        }

        for (; transit.At < transit.Destinations.Count; (transit.At, transit.Next) = (transit.At + 1, 0))
        {
            if (!transit.Destinations[transit.At].IsTaking)
            {
                continue;
            }

            var error = transit.Next == 0 ? CheckOwn(transit, transit.At) : null;
            if (error is null)
            {
                var here = transit.Destinations[transit.At];
                (error, var isHeld) = await AskHereAsync(transit, Step.Entry, here.Text, here.Address, deadline);
                if (isHeld)
                {
                    return null;
                }
            }

            Decide(transit, transit.At, error);
        }

        return null;
    }

    /// <summary>Asks the application's gates at one place, from <see cref="Transit.Next"/> on.</summary>
    private async ValueTask<(DuplexityError? Error, bool IsHeld)> AskHereAsync(Transit transit, Step step, string text, Address target, GateDeadline deadline)
    {
        var all = gates.At(step);
        for (; transit.Next < all.Length; transit.Next++)
        {
            var gate = all[transit.Next];
            if (!gate.Covers(text))
            {
                continue;
            }

            var context = GateViews.Of(transit.Sender, step, Operation.Send) with { Target = target, Message = transit.View(), Answer = transit.Answer };
            var result = await gate.AskAsync(context, deadline);
            transit.Answer = null;
            if (result is GateResult.Held held)
            {
                if (transit.Carried is not null)
                {
                    // A pipe's other destinations are none of this one's business.
                    return (NobodyThere(gate.Name, held), false);
                }

                (transit.Question, transit.QuestionOf) = (held, gate.Name);
                return (null, true);
            }

            if (Apply(transit, gate.Name, result) is { } error)
            {
                return (error with { Gate = gate.Name }, false);
            }

            if (step == Step.Entry && !transit.Destinations[transit.At].IsTaking)
            {
                return default;
            }
        }

        return default;
    }

    /// <summary>What somebody who only asks is told of a gate's decision; null: the message would go on, here or elsewhere.</summary>
    public static DuplexityError? ErrorOf(string gate, GateResult result) => result switch
    {
        GateResult.Refused refused => DuplexityError.Of(Errors.GateRefused, refused.Reason) with { Gate = gate },
        GateResult.Failed failed => failed.Error,
        GateResult.Held held => DuplexityError.Of(Errors.Challenged, $"The gate asks first: {VisibleText.Of(held.Sentence, VisibleText.LogLength)}") with { Gate = gate },
        _ => null,
    };

    /// <summary>What somebody without a socket is told of a gate's question: not 420, for to try again changes nothing.</summary>
    public static DuplexityError NobodyThere(string gate, GateResult.Held question)
    {
        var asked = VisibleText.Of(question.Sentence, VisibleText.LogLength);
        return DuplexityError.Of(Errors.GateRefused, $"The gate asks first: {asked} Here is no socket that could answer; do it from one.") with { Gate = gate };
    }

    /// <summary>A destination from which the message was sent on, and which nobody took there, refuses it: as its own gate, for the others are none of the sender's business.</summary>
    public static void Settle(Transit transit)
    {
        for (var i = 0; i < transit.Named; i++)
        {
            if (transit.Destinations[i] is { Error: null, Instead: not null } sent && !Lands(transit, sent, []))
            {
                transit.Destinations[i] = sent with { Error = DuplexityError.Of(Errors.GateRefused, "The gate sent the message on, and nobody took it there.") with { Gate = sent.SentOnBy } };
            }
        }
    }

    private static bool Lands(Transit transit, Destination from, HashSet<Address> seen) => from.IsTaking
        || (from is { Error: null, Instead: { } others } && seen.Add(from.Address) && transit.Destinations.Any(d => others.Contains(d.Address) && Lands(transit, d, seen)));

    private DuplexityError? Apply(Transit transit, string gate, GateResult result) => result switch
    {
        GateResult.Refused refused => DuplexityError.Of(Errors.GateRefused, refused.Reason),
        GateResult.Failed failed => failed.Error,
        GateResult.Redirected redirected => Redirect(transit, gate, redirected.To),
        GateResult.Changed changed => Change(transit, changed.Message),
        _ => null,
    };

    private DuplexityError? Change(Transit transit, GateMessage message)
    {
        var changed = GateViews.Changed(transit.Request, message);
        if (Size.Check(new Passage(Step.Ingress, transit.Sender, default, changed, null)) is not null)
        {
            return DuplexityError.Of(Errors.Unavailable, "The gate made something of the message that cannot be sent.");
        }

        transit.Request = changed;
        return null;
    }

    /// <summary>Puts the other destinations behind those that are there, each once.</summary>
    private DuplexityError? Redirect(Transit transit, string gate, IReadOnlyList<Address> to)
    {
        var here = transit.At < 0 ? (Destination?)null : transit.Destinations[transit.At];
        var others = to.Where(a => a != here?.Address && transit.Destinations.All(d => d.Address != a)).Distinct().ToArray();
        var hops = (here?.Hops ?? 0) + 1;
        if (to.Count == 0 || hops > options.Limits.Redirects || transit.Destinations.Count + others.Length > 2 * Wire.MaxDestinations)
        {
            return DuplexityError.Of(Errors.Unavailable, "The message was sent on too often, or to too many.");
        }

        if (here is null)
        {
            for (var i = 0; i < transit.Destinations.Count; i++)
            {
                var named = transit.Destinations[i];
                transit.Destinations[i] = named with { Instead = named.Error is not null || to.Contains(named.Address) ? null : to, SentOnBy = gate };
            }
        }
        else if (!to.Contains(here.Value.Address))
        {
            transit.Destinations[transit.At] = here.Value with { Instead = to, SentOnBy = gate };
        }

        transit.Destinations.AddRange(others.Select(a => new Destination(a, a.ToString(), null) { Hops = hops }));
        return null;
    }
}
