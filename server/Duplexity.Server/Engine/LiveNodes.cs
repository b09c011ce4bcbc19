using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Duplexity.Server.Engine;

/// <summary>
/// The nodes that share a store and are alive, as this one knows by its last renewal. What one of them does for all is divided among them by its name: each divides alike and nobody is asked, and where a node comes or goes only its own
/// part changes hands. For a moment two may take the same for theirs, so it must be right when it is done twice. Thread-safe.
/// </summary>
internal sealed class LiveNodes
{
    private volatile Known _known = new("", []);

    /// <summary>A node came or went, or this one goes on under another id. Called from any thread; must not block or throw.</summary>
    public event Action? Changed;

    /// <summary>Whether what has this name is for this node to do.</summary>
    public bool IsOwn(string name)
    {
        var known = _known;
        return known.All.Count > 0 && known.All.MaxBy(node => Weight(node, name)) == known.Self;
    }

    /// <summary>This node was heard under this id, and these are alive.</summary>
    public void Set(string self, IReadOnlyList<string> all)
    {
        var (before, now) = (_known, new Known(self, [.. all.Order(StringComparer.Ordinal)]));
        if (before.Self != self || !before.All.SequenceEqual(now.All))
        {
            _known = now;
            Changed?.Invoke();
        }
    }

    private static ulong Weight(string node, string name) => BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{node}\n{name}")));

    private sealed record Known(string Self, IReadOnlyList<string> All);
}
