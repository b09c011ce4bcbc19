namespace Duplexity.Server.Pipes;

/// <summary>A message whose sender wants to know how far it comes beyond the log. Touched under the lock of <see cref="AwaitedReceipts"/>.</summary>
internal sealed class AwaitedReceipt(string messageId, Sender sender, ReceiptLevel level, IEnumerable<Address> destinations, DateTimeOffset until)
{
    private readonly Dictionary<Address, ReceiptLevel> _reached = destinations.ToDictionary(d => d, _ => ReceiptLevel.Stored);

    public string MessageId => messageId;

    public Sender Sender => sender;

    /// <summary>Up to when it is awaited.</summary>
    public DateTimeOffset Until => until;

    /// <summary>Its places, as far as they are known.</summary>
    public Dictionary<Address, Position> Places { get; } = [];

    /// <summary>Whether every destination has come as far as was asked.</summary>
    public bool IsDone => _reached.Values.All(r => r >= level);

    /// <summary>A destination has come so far; false where that is no news, or it is none of its destinations.</summary>
    public bool Reach(Address destination, ReceiptLevel now)
    {
        if (!_reached.TryGetValue(destination, out var before) || before >= now)
        {
            return false;
        }

        _reached[destination] = now;
        return true;
    }

    /// <summary>Only these have taken it.</summary>
    public void Keep(IReadOnlyCollection<Address> taken)
    {
        foreach (var other in _reached.Keys.Except(taken).ToArray())
        {
            _reached.Remove(other);
        }
    }
}
