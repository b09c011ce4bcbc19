using System.Runtime.InteropServices;

namespace Duplexity.Server.Inboxes;

/// <summary>How many messages of how many bytes, together and by sender. Not thread-safe.</summary>
internal sealed class Tally
{
    private readonly Dictionary<string, (int Count, long Bytes)> _bySender = new(StringComparer.Ordinal);

    public int Count { get; private set; }

    public long Bytes { get; private set; }

    public (int Count, long Bytes) Of(string sender) => _bySender.GetValueOrDefault(sender);

    public void Add(string sender, int size)
    {
        Count++;
        Bytes += size;
        ref var own = ref CollectionsMarshal.GetValueRefOrAddDefault(_bySender, sender, out _);
        own = (own.Count + 1, own.Bytes + size);
    }

    public void Remove(string sender, int size)
    {
        Count--;
        Bytes -= size;
        var own = _bySender[sender];
        if (own.Count == 1)
        {
            _bySender.Remove(sender);
        }
        else
        {
            _bySender[sender] = (own.Count - 1, own.Bytes - size);
        }
    }
}
