namespace Duplexity.Server.Engine;

/// <summary>
/// Gives entries of ephemeral channels their places while a batch is being made: what the batch has given already counts, though nobody can see it before the commit. For the writer alone.
/// </summary>
internal sealed class EphemeralPlaces(LogViews views, string incarnation)
{
    private readonly Dictionary<Address, (Position Top, string Epoch)> _given = [];
    private long _forgotten;

    private string Epoch => _forgotten == 0 ? incarnation : $"{incarnation}-{_forgotten}";

    /// <summary>The place of the next entry and the one that it follows.</summary>
    public (Position Place, Position Before) Next(Address address)
    {
        if (!_given.TryGetValue(address, out var channel))
        {
            channel = views.TryEphemeral(address, out var top, out var epoch) ? (top, epoch) : (Position.Start, Epoch);
        }

        var place = new Position(channel.Top.Offset + 1, channel.Epoch);
        _given[address] = (place, channel.Epoch);
        return (place, channel.Top);
    }

    /// <summary>Should the name be used again, no place names two messages (G2).</summary>
    public void Forget(Address address)
    {
        _forgotten++;
        _given[address] = (Position.Start, Epoch);
    }

    /// <summary>The batch is over: the views have it, or it has never been.</summary>
    public void Clear() => _given.Clear();
}
