using System.Text.Json;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes.Cooked;

/// <summary>What of clients' pipes outlives the process: the pipes, how far each has come, and what knuckles chose. Thread-safe.</summary>
internal sealed class PipeStore(IEngine engine, TimeProvider time)
{
    private const string PipeKind = "message-pipe";
    private const string PlaceKind = "message-pipe-place";
    private const string ChoiceKind = "message-pipe-choice";

    /// <summary>How long a choice is kept that came to nothing: what is drawn anew after that has gone nowhere before, for what went somewhere is in the destination's own record.</summary>
    private static readonly TimeSpan ChoiceMemory = TimeSpan.FromHours(1);

    public async Task<IReadOnlyList<PipeRecord>> ListAsync(CancellationToken ct) =>
        [.. (await engine.Records.ListAsync(PipeKind, ct)).Select(r => JsonSerializer.Deserialize<PipeRecord>(r.Value)!)];

    public ValueTask WriteAsync(PipeRecord record, CancellationToken ct = default) => engine.Records.PutAsync(PipeKind, record.Edge, JsonSerializer.Serialize(record), null, ct);

    /// <summary>Writes all of them, or none.</summary>
    public ValueTask WriteAsync(IEnumerable<PipeRecord> records, CancellationToken ct) =>
        engine.Records.PutAllAsync(PipeKind, [.. records.Select(r => KeyValuePair.Create(r.Edge, JsonSerializer.Serialize(r)))], ct);

    public ValueTask WritePlaceAsync(string edge, Position place) => engine.Records.PutAsync(PlaceKind, edge, place.ToString());

    /// <summary>
    /// Where a pipe goes on: behind what it has settled, as it wrote that down last, or just before the furthest that one of its destinations has taken: it carries one message after the other, so everything before that is settled, however
    /// long ago its place was written down. What is done again is taken by nobody a second time.
    /// </summary>
    public async Task<Position> ReadPlaceAsync(PipeRecord record)
    {
        var place = await engine.Records.ReadAsync(PlaceKind, record.Edge) is { } text ? Position.Parse(text) : record.Versions[0].Since;
        foreach (var to in record.Newest.Pipe.To!)
        {
            if (await engine.Log.ReadSourceAsync(Address.Parse(to), record.Edge) is { } taken && taken.Offset > place.Offset
                && await engine.Log.ReadAsync(Address.Parse(record.From), taken, 1, reverse: true) is { Recovered: true, Entries: [var before] } && before.Position.Offset > place.Offset)
            {
                place = before.Position;
            }
        }

        return place;
    }

    public async ValueTask RemoveAsync(string edge)
    {
        await engine.Records.TakeAsync(PipeKind, edge);
        await engine.Records.TakeAsync(PlaceKind, edge);
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

    private static string Key(string edge, Position place) => $"{edge} {place}";
}
