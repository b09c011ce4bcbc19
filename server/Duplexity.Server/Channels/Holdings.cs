using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Duplexity.Server.Channels;

/// <summary>A client on a socket: what a lockspace holds. Its neighbours on the same socket are free (G10).</summary>
internal readonly record struct HeldPair(string Client, string SocketId);

/// <summary>
/// Who is held by which lockspaces, each a stack: the last one entered holds, and those below wait for it to let go. Kept by this process, as the sockets are. Thread-safe.
/// </summary>
internal sealed class Holdings
{
    private readonly ConcurrentDictionary<HeldPair, ImmutableList<string>> _stacks = new();

    /// <summary>Whether anybody is held at all.</summary>
    public bool IsEmpty => _stacks.IsEmpty;

    /// <summary>The lockspaces that hold a pair, the outermost first.</summary>
    public ImmutableList<string> StackOf(HeldPair pair) => _stacks.GetValueOrDefault(pair, []);

    /// <summary>The lockspace that a pair talks to alone; null: it is free.</summary>
    public string? HolderOf(HeldPair pair) => _stacks.TryGetValue(pair, out var stack) ? stack[^1] : null;

    /// <summary>The pairs of a client that are held in a lockspace, on one socket or on all.</summary>
    public HeldPair[] PairsIn(string lockspace, string? client, string? socketId) =>
        [.. _stacks.Where(s => s.Value.Contains(lockspace) && (client is null || s.Key.Client == client) && (socketId is null || s.Key.SocketId == socketId)).Select(s => s.Key)];

    /// <summary>A lockspace holds a pair from here on, within those that do already; one that does already changes nothing.</summary>
    public void Push(HeldPair pair, string lockspace) => _stacks.AddOrUpdate(pair, [lockspace], (_, stack) => stack.Contains(lockspace) ? stack : stack.Add(lockspace));

    /// <summary>A lockspace lets a pair go, and with it those within; false where it did not hold it.</summary>
    public bool Release(HeldPair pair, string lockspace) => Change(pair, stack => stack.IndexOf(lockspace) is >= 0 and var at ? stack.RemoveRange(at, stack.Count - at) : null);

    /// <summary>Those within a lockspace let a pair go, so that it holds again; false where it did not hold it, or did so already.</summary>
    public bool ReleaseTo(HeldPair pair, string lockspace) =>
        Change(pair, stack => stack.IndexOf(lockspace) is >= 0 and var at && at < stack.Count - 1 ? stack.RemoveRange(at + 1, stack.Count - at - 1) : null);

    /// <summary>Another lockspace holds a pair in the place of one, and of those within that; false where that one did not.</summary>
    public bool Move(HeldPair pair, string lockspace, string to) =>
        Change(pair, stack => stack.IndexOf(lockspace) is >= 0 and var at ? stack.RemoveRange(at, stack.Count - at).Remove(to).Add(to) : null);

    /// <summary>A client is gone from a socket: nothing holds it any more.</summary>
    public void Unwind(HeldPair pair) => _stacks.TryRemove(pair, out _);

    private bool Change(HeldPair pair, Func<ImmutableList<string>, ImmutableList<string>?> change)
    {
        while (_stacks.TryGetValue(pair, out var stack))
        {
            if (change(stack) is not { } changed)
            {
                return false;
            }

            if (changed.IsEmpty ? _stacks.TryRemove(new(pair, stack)) : _stacks.TryUpdate(pair, changed, stack))
            {
                return true;
            }
        }

        return false;
    }
}
