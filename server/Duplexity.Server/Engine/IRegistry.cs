using System.Text.Json.Serialization;
using Duplexity.Protocol;

namespace Duplexity.Server.Engine;

/// <summary>
/// Which sessions serve which public name. Changes are compare-and-set by owner and generation: a name of another owner, or one above or below it (<see cref="PipeEntry.Tree"/>), is a conflict; of the same owner,
/// the newer generation wins and the older one's late removal changes nothing. Sessions of one owner that all share a name have it side by side, a registration each, whatever their generations. A registration of
/// several names is all or none. A hostname that goes from one owner to another, when the last registration of the former is over, rests in between: it is registered, and nobody is found there (G7). Thread-safe.
/// </summary>
internal interface IRegistry
{
    /// <summary>A generation greater than every one given before, also after a restart: <c>max(last + 1, time in µs)</c> (G16).</summary>
    ValueTask<long> NextGenerationAsync(CancellationToken ct = default);

    /// <summary>Registers all entries or none. The answer names the conflicts; the same owner's older registrations that do not stand beside the new ones are replaced and returned.</summary>
    ValueTask<RegisterResult> RegisterAsync(IReadOnlyList<PipeEntry> entries, CancellationToken ct = default);

    /// <summary>
    /// Who serves the visitors of a host or port: its own registrations, else those of the longest wildcard above it; of one owner, the newest generation last. Empty where nobody does, and until
    /// <see cref="TimeOptions.HandOver"/> after another owner's end there.
    /// </summary>
    ValueTask<IReadOnlyList<PipeEntry>> LocateAllAsync(string name, CancellationToken ct = default);

    /// <summary>The newest of those that <see cref="LocateAllAsync"/> finds; null: there is none.</summary>
    async ValueTask<PipeEntry?> LocateAsync(string name, CancellationToken ct = default) => await LocateAllAsync(name, ct) is [.., var newest] ? newest : null;

    /// <summary>The registrations of just this name, whether it rests or not; of one owner, the newest generation last.</summary>
    ValueTask<IReadOnlyList<PipeEntry>> ReadAllAsync(string name, CancellationToken ct = default);

    /// <summary>The newest of those; null: there is none. For those who ask whose a name is.</summary>
    async ValueTask<PipeEntry?> ReadAsync(string name, CancellationToken ct = default) => await ReadAllAsync(name, ct) is [.., var newest] ? newest : null;

    /// <summary>All registrations of an owner; null: of everybody.</summary>
    ValueTask<IReadOnlyList<PipeEntry>> ListAsync(string? client, CancellationToken ct = default);

    /// <summary>
    /// Removes names (null: all) that this owner's session registered with a generation up to <paramref name="generation"/>; later ones stay.
    /// Returns what was removed.
    /// </summary>
    ValueTask<IReadOnlyList<PipeEntry>> RemoveAsync(string client, string session, long generation, IReadOnlyList<string>? names = null, CancellationToken ct = default);
}

/// <summary>A registered public pipe.</summary>
internal sealed record PipeEntry
{
    /// <summary>The hostname, lower case and in ASCII (punycode), perhaps with <c>*</c> as its first label, <c>:PORT</c>, or <c>CLIENT/NAME</c> of a private pipe: the key.</summary>
    public required string Name { get; init; }

    /// <summary>The hostname without its asterisk, then the names above it that somebody could have, with spaces between (<see cref="NameTree"/>). Empty: nothing is above or below it.</summary>
    public string Tree { get; init; } = "";

    public required string Client { get; init; }
    public required string Session { get; init; }
    public required long Generation { get; init; }
    public required string Node { get; init; }
    public required string Resource { get; init; }

    /// <summary><c>keep</c>, <c>resource</c> or a name.</summary>
    public required string HostHeader { get; init; }
    public required string Url { get; init; }
    public required DateTimeOffset Since { get; init; }

    /// <summary>Whether the owner wants to be told of each exchange.</summary>
    public bool Exchanges { get; init; }

    /// <summary>The rest of what its client asked for.</summary>
    public PipeRegistration Settings { get; init; } = new();

    /// <summary>Whether other sessions of its owner may have the name as well, if they share it too.</summary>
    [JsonIgnore]
    public bool IsShared => Settings.Share == true;

    /// <summary>Whether both may stand under one name: two sessions of one owner that share it.</summary>
    public bool StandsBeside(PipeEntry other) => Client == other.Client && Session != other.Session && IsShared && other.IsShared;

    /// <summary>For a pipe into a channel: with which rights it sends there, as it is written down; null: it has none of its own.</summary>
    public string? Grant { get; init; }

    /// <summary>Grows with each change of a registration in place: of one registration (<see cref="IsOf"/>) the one with the highest holds, and whoever has another has old knowledge. Compared within a generation, which one node gives.</summary>
    public long Revision { get; init; }

    /// <summary>Whether it is the same registration, perhaps before or after a change in place: of the same owner, session and generation.</summary>
    public bool IsOf(PipeEntry other) => Name == other.Name && Generation == other.Generation && Client == other.Client && Session == other.Session;

    /// <summary>Whether it is the same registration, and as it is there.</summary>
    public bool IsSameAs(PipeEntry other) => IsOf(other) && Revision == other.Revision && Resource == other.Resource;

    /// <summary>Whether it is older than another registration or state of a registration.</summary>
    public bool IsBefore(PipeEntry other) => Generation < other.Generation || (Generation == other.Generation && Revision < other.Revision);
}

/// <summary>What a registration did: with conflicts nothing was registered.</summary>
/// <param name="Conflicts">Names that belong to other owners, or are above or below such a name (or belong to a newer generation of the same owner).</param>
/// <param name="Replaced">The older registrations of the same owner that gave way.</param>
internal sealed record RegisterResult(IReadOnlyList<string> Conflicts, IReadOnlyList<PipeEntry> Replaced);
