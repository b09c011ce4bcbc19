using System.Security.Cryptography;
using System.Text;
using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes.Cooked;

/// <summary>
/// What a pipe does with one message of its source: guards, filter, transform, knuckles, and the machine's gates as its owner (G10). Every message that it does not carry for another reason than its filter is announced.
/// Thread-safe.
/// </summary>
internal sealed class PipeCarrying(
    PipeMachine machine, IPipeOwners owners, ListenerGates listeners, Egress egress, Knuckles knuckles, PipeStore store, Announcer announcer, MessageTraces traces, TimeProvider time, DuplexityOptions options)
{
    /// <summary>Carries a message, or says why it ends. Null: the place is settled; else what is to be tried again.</summary>
    /// <param name="record">The pipe.</param>
    /// <param name="sender">Its owner, as it stands now.</param>
    /// <param name="grant">With these rights.</param>
    /// <param name="entry">The message in the source's log.</param>
    /// <param name="share">How many appends this pipe and all behind it may make of it.</param>
    /// <param name="left">What the last try left; null: this is the first.</param>
    public async Task<Unsettled?> CarryAsync(PipeRecord record, Sender sender, PipeGrant grant, LogEntry entry, int share, Unsettled? left)
    {
        var (pipe, message, hops) = (record.At(entry.Position).Pipe, entry.Message, entry.Message.Path?.Hops ?? []);
        if (!Cooking.Takes(pipe.Filter, message))
        {
            return null;
        }

        if ((Guard(record, entry, hops) ?? owners.MayRead(record.Owner, grant, entry.Channel) ?? await listeners.CheckAsync(sender, entry.Channel, Operation.Receive)) is { } kept)
        {
            return Unsettled.IsForNow(kept) ? left ?? Unsettled.BeforeAnyEdge(kept) : End(record, entry, kept);
        }

        if (!egress.Lets(sender, entry))
        {
            return End(record, entry, DuplexityError.Of(Errors.GateRefused, "A gate withholds this message from the pipe's owner."));
        }

        // A message does not come again to a channel that it has come through: that is what makes two pipes, there and back, a bridge and not a circle.
        Address[] all = [.. pipe.To!.Select(a => Address.Parse(a)).Distinct().Where(a => a != entry.Channel && hops.All(h => h.From != a))];
        if (all.Length == 0)
        {
            return End(record, entry, DuplexityError.Of(Errors.Denied, "The message has come through every channel that the pipe would bring it to."));
        }

        try
        {
            var request = Cooking.Make(pipe.Transform, message, entry.Channel);
            var (edges, budget) = left?.Budget is { } each ? (left.Edges, each) : await EdgesAsync(record, entry, request, all, share);
            var unsettled = edges.Count == 0 ? null : await AppendAsync(record, sender, entry, request, edges, budget);
            if (unsettled is null)
            {
                await ForgetAsync(record, entry);
            }

            return unsettled;
        }
        catch (CookingException e)
        {
            return End(record, entry, DuplexityError.Of(Errors.GateRefused, e.Message), AnnouncedAction.DeadLetter);
        }
    }

    /// <summary>Tried often enough: what is left of a message is a dead letter, an edge each.</summary>
    public async Task GiveUpAsync(PipeRecord record, LogEntry entry, IReadOnlyList<EdgeRefusal> refusals)
    {
        foreach (var (edge, error) in refusals)
        {
            End(record, entry, error, edge);
        }

        await ForgetAsync(record, entry);
    }

    /// <summary>Says that a message ends at a pipe, and why; answers null.</summary>
    private Unsettled? End(PipeRecord record, LogEntry entry, DuplexityError error, string action = AnnouncedAction.Refused)
    {
        Say(record, entry, action, error);
        return null;
    }

    private void End(PipeRecord record, LogEntry entry, DuplexityError error, Address edge) =>
        Say(record, entry, AnnouncedAction.DeadLetter, error, edge.Kind == AddressKind.None ? null : edge.ToString());

    /// <summary>Announces something of a pipe, if anybody wants to know.</summary>
    public void Say(PipeRecord record, LogEntry? entry, string action, DuplexityError? error = null, string? note = null)
    {
        var trace = entry is null ? null : traces.Find(entry.Message.Id);
        if (announcer.IsWanted(Step.Cooked, trace))
        {
            announcer.Announce(Step.Cooked, trace, new Announcement
            {
                Channel = ServiceChannel.Cooked,
                Action = action,
                Owner = record.Owner,
                At = time.GetUtcNow(),
                MessageId = entry?.Message.Id,
                Target = $"{record.From} → pipe:{record.Owner}/{record.Id}",
                Gate = error?.Gate,
                Error = error,
                Note = note,
            });
        }
    }

    private DuplexityError? Guard(PipeRecord record, LogEntry entry, IReadOnlyList<StoredHop> hops) =>
        hops.Any(h => h.Owner == record.Owner && h.Pipe == record.Id) ? DuplexityError.Of(Errors.Denied, "The message has passed this pipe before.")
        : hops.Count >= options.MessagePipes.Hops
            ? DuplexityError.Of(Errors.RateLimited, $"The message has come through {hops.Count} pipes; more are not allowed.") with { Limit = "pipes_per_message", Used = hops.Count }
            : null;

    /// <summary>What the knuckles leave of the edges: as they chose when they were first asked about this place. Null: the message has gone on already.</summary>
    private async Task<IReadOnlyList<Address>?> ChooseAsync(PipeRecord record, LogEntry entry, SendRequest request, Address[] edges)
    {
        if (!knuckles.StandAt(entry.Channel))
        {
            return edges;
        }

        if (await store.ReadChoiceAsync(record.Edge, entry.Position) is { } before)
        {
            return before;
        }

        var from = new Origin { Client = entry.Message.FromClient, Socket = entry.Message.FromSocket };
        var (chosen, said) = await knuckles.ChooseAsync(new KnuckleContext
        {
            Owner = record.Owner,
            Pipe = record.Id,
            From = entry.Channel,
            Message = GateViews.Of(request, new Sender { Client = record.Owner }) with { From = from },
            Edges = edges,
        });
        if (!await store.TryWriteChoiceAsync(record.Edge, entry.Position, chosen))
        {
            return await store.ReadChoiceAsync(record.Edge, entry.Position);
        }

        // Another runner may have chosen, gone on and forgotten its choice since this one was asked.
        if (await store.IsTakenAsync(record.Edge, entry.Channel, entry.Position, edges))
        {
            await store.ForgetChoiceAsync(record.Edge, entry.Position);
            return null;
        }

        foreach (var sentence in said)
        {
            Say(record, entry, AnnouncedAction.Said, note: VisibleText.Of(sentence, VisibleText.LogLength));
        }

        return chosen;
    }

    /// <summary>Where a message goes, and what all behind each of these may make of it. None: it has ended here, or gone on before.</summary>
    private async Task<(IReadOnlyList<Address> Edges, int Budget)> EdgesAsync(PipeRecord record, LogEntry entry, SendRequest request, Address[] all, int share)
    {
        if (await ChooseAsync(record, entry, request, all) is not { } chosen)
        {
            return ([], 0);
        }

        if (chosen.Count == 0)
        {
            End(record, entry, DuplexityError.Of(Errors.GateRefused, "The knuckles left no edge."), AnnouncedAction.DeadLetter);
        }

        Address[] edges = [.. chosen.Take(share)];
        if (edges.Length < chosen.Count)
        {
            var most = options.MessagePipes.AppendsPerMessage;
            End(record, entry, DuplexityError.Of(Errors.RateLimited, $"Of one message pipes make at most {most} appends; {chosen.Count - edges.Length} edges are left out.") with { Limit = "appends_per_message", Used = most }, AnnouncedAction.DeadLetter);
        }

        return (edges, edges.Length == 0 ? 0 : (share - edges.Length) / edges.Length);
    }

    private async Task<Unsettled?> AppendAsync(PipeRecord record, Sender sender, LogEntry entry, SendRequest request, IReadOnlyList<Address> edges, int budget)
    {
        var hop = new StoredHop { Owner = record.Owner, Pipe = record.Id, From = entry.Channel, MessageId = entry.Message.Id };
        var carried = new Carried(
            IdOf(record, entry),
            new Origin { Client = entry.Message.FromClient, Socket = entry.Message.FromSocket },
            new StoredPath { Hops = [.. entry.Message.Path?.Hops ?? [], hop], Budget = budget },
            new SourcePlace(record.Edge, entry.Position));
        var answer = await machine.CarryAsync(sender, request with { To = [.. edges.Select(e => e.ToString())] }, carried);
        if (answer is { Error: null, Destinations: [] } && edges.Count > 1)
        {
            return await AppendEachAsync(record, sender, entry, request, edges, budget);
        }

        EdgeRefusal[] refusals = answer.Destinations is { Length: > 0 } results
            ? [.. edges.Zip(results).Where(r => r.Second.Error is not null).Select(r => new EdgeRefusal(r.First, r.Second.Error!))]
            : answer.Error is { } error ? [.. edges.Select(e => new EdgeRefusal(e, error))] : [];
        foreach (var (edge, why) in refusals.Where(r => !Unsettled.IsForNow(r.Why)))
        {
            End(record, entry, why, edge);
        }

        if (refusals.Length < edges.Count)
        {
            Say(record, entry, AnnouncedAction.Passed, note: carried.MessageId);
        }

        EdgeRefusal[] later = [.. refusals.Where(r => Unsettled.IsForNow(r.Why))];
        return later.Length == 0 ? null : new Unsettled(later, budget);
    }

    /// <summary>Some of the edges have this place, from before a crash or by a runner beside, and took nothing together with the others: so each is asked for itself.</summary>
    private async Task<Unsettled?> AppendEachAsync(PipeRecord record, Sender sender, LogEntry entry, SendRequest request, IReadOnlyList<Address> edges, int budget)
    {
        var later = new List<EdgeRefusal>();
        foreach (var edge in edges)
        {
            later.AddRange((await AppendAsync(record, sender, entry, request, [edge], budget))?.Refusals ?? []);
        }

        return later.Count == 0 ? null : new Unsettled(later, budget);
    }

    private async Task ForgetAsync(PipeRecord record, LogEntry entry)
    {
        if (knuckles.StandAt(entry.Channel))
        {
            await store.ForgetChoiceAsync(record.Edge, entry.Position);
        }
    }

    /// <summary>The same place of the same pipe gives the same id, so that receivers know a copy even where a destination has forgotten that it took it.</summary>
    private static string IdOf(PipeRecord record, LogEntry entry) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{record.Edge}\n{entry.Channel}\n{entry.Position}")).AsSpan(0, 16));
}
