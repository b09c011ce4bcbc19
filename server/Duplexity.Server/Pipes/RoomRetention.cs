using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <summary>How long each room keeps its messages: what its patterns say, what its owner said when it was made, the stricter of both; other channels as the options say for all. Thread-safe.</summary>
internal sealed class RoomRetention(RoomPatterns patterns, RoomBook book, DuplexityOptions options) : IRetention
{
    /// <summary>How long an ephemeral room keeps a message: long enough for a reconnect, too short to be a past.</summary>
    public static readonly TimeSpan EphemeralAge = TimeSpan.FromMinutes(1);

    private readonly DefaultRetention _default = new(options);

    public Retention Of(Address channel)
    {
        var kept = _default.Of(channel);
        if (channel.Kind != AddressKind.Room)
        {
            return kept;
        }

        var owner = book.Find(channel.Name)?.Options;
        var isEphemeral = Either(r => r.Ephemeral);
        var isLast = Either(r => r.LastValueOnly);
        var age = Least(r => r.Retention) ?? kept.Age;
        var (count, bytes) = (Least(r => r.Messages) ?? kept.Count, Least(r => r.Bytes) ?? kept.Bytes);

        // The usual answer is one object for all rooms.
        return !isEphemeral && !isLast && age == kept.Age && count == kept.Count && bytes == kept.Bytes
            ? kept
            : new Retention(isEphemeral && age > EphemeralAge ? EphemeralAge : age, count, bytes, isLast, isEphemeral);

        bool Either(Func<RoomOptions, bool?> member) => patterns.First(channel.Name, member) == true || (owner is not null && member(owner) == true);

        T? Least<T>(Func<RoomOptions, T?> member)
            where T : struct, IComparable<T>
        {
            var (one, other) = (patterns.First(channel.Name, member), owner is null ? null : member(owner));
            return one is null ? other : other is null || one.Value.CompareTo(other.Value) <= 0 ? one : other;
        }
    }
}
