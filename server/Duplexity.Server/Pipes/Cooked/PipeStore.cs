using System.Collections.Immutable;
using System.Text.Json;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes.Cooked;

/// <summary>What of clients' pipes outlives the process, for all nodes: the pipes, how far each has come, and what knuckles chose. Thread-safe.</summary>
internal sealed class PipeStore(IEngine engine, TimeProvider time)
{
    private const string PipesKind = "message-pipes";
    private const string PlaceKind = "message-pipe-place";
    private const string ChoiceKind = "message-pipe-choice";

    /// <summary>How long a choice is kept that came to nothing: what is drawn anew after that has gone nowhere before, for what went somewhere is in the destination's own record.</summary>
    private static readonly TimeSpan ChoiceMemory = TimeSpan.FromHours(1);

    /// <summary>How long it is remembered that a client has no pipes any more: who read the ones before sees by then that they are others now.</summary>
    private static readonly TimeSpan NoneMemory = TimeSpan.FromHours(1);

    /// <summary>All pipes of all clients, by their owner.</summary>
    public async Task<IReadOnlyList<(string Owner, ImmutableArray<PipeRecord> Pipes)>> ListAsync(CancellationToken ct) =>
        [.. (await engine.Records.ListAsync(PipesKind, ct)).Select(r => (r.Key, Read(r.Value)))];

    /// <summary>The pipes of a client, and as what they are written; null: nothing is.</summary>
    public async Task<(ImmutableArray<PipeRecord> Pipes, string? Text)> ReadAsync(string owner, CancellationToken ct)
    {
        var text = await engine.Records.ReadAsync(PipesKind, owner, ct);
        return (Read(text), text);
    }

    /// <summary>Puts a client's pipes in the place of those that are written as <paramref name="expected"/>; false, and nothing changes, where others are there by now.</summary>
    public ValueTask<bool> TryWriteAsync(string owner, string? expected, ImmutableArray<PipeRecord> pipes, CancellationToken ct)
    {
        DateTimeOffset? end = pipes.IsEmpty ? time.GetUtcNow() + NoneMemory : null;
        return expected is null ? engine.Records.TryAddAsync(PipesKind, owner, Write(pipes), end, ct) : engine.Records.TryReplaceAsync(PipesKind, owner, expected, Write(pipes), end, ct);
    }

    /// <summary>As what pipes are written.</summary>
    public static string Write(ImmutableArray<PipeRecord> pipes) => JsonSerializer.Serialize(pipes);

    /// <summary>How far a pipe has come, as it is written down; null: it is not yet.</summary>
    public ValueTask<string?> ReadProgressAsync(string edge, CancellationToken ct = default) => engine.Records.ReadAsync(PlaceKind, edge, ct);

    /// <summary>Writes down how far a pipe has come; false, and nothing changes, where another than <paramref name="expected"/> is there, for then another node carries it, or it is removed.</summary>
    public ValueTask<bool> TryWriteProgressAsync(string edge, string? expected, string progress) =>
        expected is null ? engine.Records.TryAddAsync(PlaceKind, edge, progress) : engine.Records.TryReplaceAsync(PlaceKind, edge, expected, progress);

    public async ValueTask ForgetProgressAsync(string edge, CancellationToken ct = default) => await engine.Records.TakeAsync(PlaceKind, edge, ct);

    /// <summary>
    /// Where a pipe goes on: behind what it has settled, as it wrote that down last, or just before the furthest that one of its destinations has taken: it carries one message after the other, so everything before that is settled, however
    /// long ago its place was written down. What is done again is taken by nobody a second time.
    /// </summary>
    public async Task<Position> FindPlaceAsync(PipeRecord record, Position written)
    {
        var place = written;
        foreach (var to in record.Newest.Pipe.To!)
        {
            if (await engine.Log.ReadSourceAsync(Address.Parse(to), record.Edge) is { } taken && taken.Offset > place.Offset
                && await engine.Log.ReadAsync(record.Source, taken, 1, reverse: true) is { Recovered: true, Entries: [var before] } && before.Position.Offset > place.Offset)
            {
                place = before.Position;
            }
        }

        return place;
    }

    /// <summary>What was chosen for a source place; null: nothing is written down.</summary>
    public async ValueTask<IReadOnlyList<Address>?> ReadChoiceAsync(string edge, Position place) =>
        await engine.Records.ReadAsync(ChoiceKind, Key(edge, place)) is { } text ? [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(a => Address.Parse(a))] : null;

    /// <summary>Writes down what was chosen; false where another runner was first.</summary>
    public ValueTask<bool> TryWriteChoiceAsync(string edge, Position place, IReadOnlyList<Address> chosen) =>
        engine.Records.TryAddAsync(ChoiceKind, Key(edge, place), string.Join('\n', chosen), time.GetUtcNow() + ChoiceMemory);

    public async ValueTask ForgetChoiceAsync(string edge, Position place) => await engine.Records.TakeAsync(ChoiceKind, Key(edge, place));

    /// <summary>Whether one of the edges has this place of the source, or a later one. A later one may be of a later life of the source's log: it counts where that log still knows it, and so holds both.</summary>
    public async ValueTask<bool> IsTakenAsync(string edge, Address from, Position place, IEnumerable<Address> edges)
    {
        foreach (var to in edges)
        {
            if (await engine.Log.ReadSourceAsync(to, edge) is { } taken && taken.Offset >= place.Offset
                && (taken.Epoch == place.Epoch || (await engine.Log.ReadAsync(from, taken, 1)).Recovered))
            {
                return true;
            }
        }

        return false;
    }

    private static ImmutableArray<PipeRecord> Read(string? text) => text is null ? [] : JsonSerializer.Deserialize<ImmutableArray<PipeRecord>>(text);

    private static string Key(string edge, Position place) => $"{edge} {place}";
}
