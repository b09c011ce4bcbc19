using System.Diagnostics.CodeAnalysis;

namespace Duplexity.Server.Engine;

/// <summary>A map of bounded size in which the least recently used gives way. Not thread-safe.</summary>
internal sealed class Recent<TKey, TValue>(int most)
    where TKey : notnull
{
    private readonly Dictionary<TKey, LinkedListNode<(TKey Key, TValue Value)>> _nodes = [];
    private readonly LinkedList<(TKey Key, TValue Value)> _byUse = new();

    public int Count => _nodes.Count;

    public bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (!_nodes.TryGetValue(key, out var node))
        {
            value = default;
            return false;
        }

        _byUse.Remove(node);
        _byUse.AddLast(node);
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
