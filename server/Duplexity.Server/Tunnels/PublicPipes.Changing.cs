using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Tunnels;

/// <content>What becomes of a registration that its session, or a newer one of its owner, makes again: the same, changed in place, or taken over.</content>
internal sealed partial class PublicPipes
{
    // Guarded by the turn. A session's registrations are this node's to change, so that they are in order by it (PipeEntry.Revision).
    private long _revision;

    /// <summary>Registrations as they are kept: what was left out is said, and passwords are hashes; a session's same password keeps its hash, so that the same again is the same. Outside the turn, for hashing takes its time.</summary>
    private async Task<IReadOnlyList<PipeRegistration>> SettledAsync(Session session, IReadOnlyList<PipeRegistration> pipes, PipeResult[] asked, CancellationToken ct)
    {
        var own = pipes.Any(_rules.HasPassword) ? (await _backend.ListAsync(session.Client, ct)).Where(e => e.Session == session.Id).ToDictionary(e => e.Name, StringComparer.Ordinal) : [];
        return [.. pipes.Zip(asked, (pipe, r) => pipe.Private == true ? pipe : _rules.Settled(pipe, r.Name is null ? null : own.GetValueOrDefault(r.Name)?.Settings))];
    }

    /// <summary>What a session asks for, as entries, and what it had in their places; what it asks for as it is, is the entry that is there.</summary>
    private async Task<(PipeEntry Entry, PipeEntry? Before)[]> EntriesAsync(Session session, long generation, IReadOnlyList<PipeRegistration> pipes, PipeResult[] results, CancellationToken ct)
    {
        var own = (await _backend.ListAsync(session.Client, ct)).Where(e => e.Session == session.Id && e.Generation == generation).ToDictionary(e => e.Name, StringComparer.Ordinal);
        return [.. results.Select((r, i) =>
        {
            var entry = EntryOf(session, generation, pipes[i], r.Name!);
            var there = own.GetValueOrDefault(r.Name!);
            return (there is not null && Asked(there) == Asked(entry) ? there : entry with { Revision = ++_revision }, there);
        })];

        static string Asked(PipeEntry entry) => JsonSerializer.Serialize(entry with { Since = default, Revision = 0 });
    }

    private static Registered NewsOf((PipeEntry Entry, PipeEntry? Before)[] asked, IReadOnlyList<PipeEntry> replaced)
    {
        var fresh = asked.Where(a => !ReferenceEquals(a.Entry, a.Before)).ToArray();
        var changed = fresh.Select(a => (a.Entry, Before: a.Before ?? replaced.FirstOrDefault(r => r.Name == a.Entry.Name && r.Session == a.Entry.Session))).Where(a => a.Before is not null);
        return new([.. fresh.Select(a => a.Entry)], replaced, [.. changed.Select(a => new ChangedPipe(a.Before!, a.Entry))]);
    }

    /// <summary>What was registered cannot be after all: what it took the place of is there again, the rest is gone.</summary>
    private async Task<Registered> TakeBackAsync(Session session, long generation, (PipeEntry Entry, PipeEntry? Before)[] asked, Registered told)
    {
        (PipeEntry Entry, PipeEntry? Before)[] again = [.. asked.Where(a => a.Before is not null).Select(a => (a.Before! with { Revision = ++_revision }, (PipeEntry?)a.Entry))];
        if (again.Length > 0)
        {
            PipeEntry[] back = [.. again.Select(a => a.Entry)];
            await RegisterAsync(session, generation, back, CancellationToken.None);
            await _queues.RegisteredAsync(back, CancellationToken.None);
        }

        string[] left = [.. asked.Where(a => a.Before is null).Select(a => a.Entry.Name)];
        var removed = left.Length == 0 ? [] : await RemoveUnsynchronizedAsync(session, generation, left, CancellationToken.None);
        return NewsOf(again, [.. told.Replaced, .. removed]);
    }

    private void Mark(Registered news)
    {
        foreach (var entry in news.Entries)
        {
            _watches.Mark(entry, Array.Exists(news.Changed, c => c.Now == entry) ? PipeChangeKind.Changed : news.Replaced.Any(r => r.Name == entry.Name) ? PipeChangeKind.TakenOver : PipeChangeKind.Registered);
        }
    }

    private void GiveWay(PipeEntry old, Session session)
    {
        var takenOver = old.Session != session.Id;
        if (takenOver)
        {
            Log.PipeTakenOver(_logger, old.Name, VisibleText.Of(old.Client, VisibleText.LogLength), VisibleText.Of(session.Id, VisibleText.LogLength));
            _sessions.TakeOver(old.Client, old.Session, $"{old.Name} is served by a newer session of yours.");
        }

        _pools.End(old, cut: takenOver);
    }

    /// <summary>What a registration has changed: news to the other nodes, and to those who watch.</summary>
    /// <param name="Entries">What is registered and was not so before.</param>
    /// <param name="Replaced">Older registrations that gave way.</param>
    /// <param name="Changed">Those of the entries that their session changed in place, or made anew by itself.</param>
    private sealed record Registered(PipeEntry[] Entries, IReadOnlyList<PipeEntry> Replaced, ChangedPipe[] Changed);
}
