using System.Diagnostics.CodeAnalysis;

namespace Duplexity.Server.Engine;

/// <summary>A map of bounded size in which the least recently used gives way. Not thread-safe.</summary>
internal sealed class Recent<TKey, TValue>(int most)
    where TKey : notnull
{
    private readonly Dictionary<TKey, LinkedListNode<(TKey Key, TValue Value)>> _nodes = [];
    private readonly LinkedList<(TKey Key, TValue Value)> _byUse = new();

    public int Count => _nodes.Count;

    /// <summary>The value, which counts as a use.</summary>
    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (!TryPeek(key, out value))
        {
            return false;
        }

        var node = _nodes[key];
        _byUse.Remove(node);
        _byUse.AddLast(node);
        return true;
    }

    /// <summary>The value, which counts as no use.</summary>
    public bool TryPeek(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (!_nodes.TryGetValue(key, out var node))
        {
            value = default;
            return false;
        }

        value = node.Value.Value;
        return true;
    }

    public void Set(TKey key, TValue value)
    {
        Remove(key);
        if (_nodes.Count >= most)
        {
            RemoveOldest(out _);
        }

        _nodes.Add(key, _byUse.AddLast((key, value)));
    }

    public void Remove(TKey key)
    {
        if (_nodes.Remove(key, out var node))
        {
            _byUse.Remove(node);
        }
    }

    public bool RemoveOldest([MaybeNullWhen(false)] out TValue value)
    {
        if (_byUse.First is not { } oldest)
        {
            value = default;
            return false;
        }

        value = oldest.Value.Value;
        Remove(oldest.Value.Key);
        return true;
    }

    public Recent<TKey, TValue> Copy()
    {
        var copy = new Recent<TKey, TValue>(most);
        foreach (var (key, value) in _byUse)
        {
            copy.Set(key, value);
        }

        return copy;
    }
}
