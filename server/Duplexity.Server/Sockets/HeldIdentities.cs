using System.Collections.Immutable;

namespace Duplexity.Server.Sockets;

/// <summary>
/// The clients that one connection holds, the primary one first. Changes go through one line, in their order of arrival, and are answered when they are in force; rights
/// of two clients never add up, because every request is resolved to one of them before anything else (G10). Thread-safe.
/// </summary>
internal sealed class HeldIdentities(HeldIdentity first, TimeProvider time)
{
    /// <summary>
    /// How many times as many clients as it may hold a connection remembers of those that were there, 256 by default. Only what is used of a rate or was narrowed is worth remembering and the rest is
    /// forgotten for whoever comes, so the bound is met by so many who use their rates and leave within one window, which no honest program does.
    /// </summary>
    private const int Comings = 16;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, HeldIdentity> _known = new() { [first.Client] = first };
    private readonly Dictionary<string, TaskCompletionSource> _leaving = [];
    private ImmutableArray<HeldIdentity> _held = [first];
    private Task _lastChange = Task.CompletedTask;
    private int _pending;

    /// <summary>All of them, the primary one first; those whose time has come included, until somebody takes them off.</summary>
    public ImmutableArray<HeldIdentity> All => _held;

    /// <summary>The CIDs, the primary one first.</summary>
    public string[] Clients => [.. _held.Select(h => h.Client)];

    public HeldIdentity? Find(string client)
    {
        foreach (var held in _held)
        {
            if (held.Client == client)
            {
                return held;
            }
        }

        return null;
    }

    /// <summary>The one to act as: the named one, or the primary one. The error is what the caller is to be told.</summary>
    public DuplexityError? Resolve(string? client, out HeldIdentity held)
    {
        var all = _held;
        held = (client is null ? all.FirstOrDefault() : Find(client))!;
        if (held is null)
        {
            return DuplexityError.Of(Errors.IdentityNotHeld, client is null
                ? "This connection holds no identity any more; connect again with a token."
                : $"This connection does not hold {VisibleText.Of(client, Address.MaxClientLength)}.");
        }

        if (client is null && all.Length > 1 && Volatile.Read(ref _pending) > 0)
        {
            return DuplexityError.Of(Errors.IdentityAmbiguous, "This connection holds several identities and is changing them: say which one in `as`.");
        }

        return held.Identity.IsValidAt(time.GetUtcNow())
            ? null
            : DuplexityError.Of(Errors.TokenExpired, $"The token of {VisibleText.Of(held.Client)} has expired; refresh it, or connect again with a new one.");
    }

    /// <summary>
    /// Adds a client, behind the others; null when <paramref name="most"/> are there, or as many are remembered as may be. One that was here before comes back to what it had used and to what was taken
    /// from it: to leave and come again gives nothing.
    /// </summary>
    public HeldIdentity? Add(Identity identity, int most)
    {
        lock (_lock)
        {
            var known = _known.GetValueOrDefault(identity.Client);
            if (_held.Length >= most || (known is null && _known.Count >= most * Comings && !ForgetOneUnsynchronized()))
            {
                return null;
            }

            if (known is null)
            {
                _known[identity.Client] = known = new HeldIdentity(identity);
            }
            else
            {
                known.Renew(identity);
            }

            _held = _held.Contains(known) ? _held : _held.Add(known);
            return known;
        }
    }

    /// <summary>Takes a client off; null where it was not there. From here on it gets nothing and may do nothing; what it had here is let go by whoever took it off, who then says <see cref="Left"/>.</summary>
    public HeldIdentity? Take(string client)
    {
        lock (_lock)
        {
            if (Find(client) is not { } held)
            {
                return null;
            }

            _held = _held.Remove(held);
            _leaving[client] = new(TaskCreationOptions.RunContinuationsAsynchronously);
            return held;
        }
    }

    /// <summary>What a client that was taken off had here is let go: it may come again.</summary>
    public void Left(string client)
    {
        lock (_lock)
        {
            if (_leaving.Remove(client, out var leaving))
            {
                leaving.SetResult();
            }
        }
    }

    /// <summary>Completes when nothing is left of a client that was taken off: one that came again before that would be let go with it.</summary>
    public Task WhenLeftAsync(string client)
    {
        lock (_lock)
        {
            return _leaving.TryGetValue(client, out var leaving) ? leaving.Task : Task.CompletedTask;
        }
    }

    /// <summary>Puts a client first; false where it is not held.</summary>
    public bool MakePrimary(string client)
    {
        lock (_lock)
        {
            if (Find(client) is not { } held)
            {
                return false;
            }

            _held = _held.Remove(held).Insert(0, held);
            return true;
        }
    }

    /// <summary>Makes a change when those that came before it are made. One that can be made at once is made before this returns.</summary>
    public async Task<T> ChangeAsync<T>(Func<Task<T>> change)
    {
        var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task before;
        lock (_lock)
        {
            (before, _lastChange) = (_lastChange, mine.Task);
            _pending++;
        }

        try
        {
            await before;
            return await change();
        }
        finally
        {
            lock (_lock)
            {
                _pending--;
            }

            mine.SetResult();
        }
    }

    private bool ForgetOneUnsynchronized() => _known.Values.FirstOrDefault(k => k.IsBlank && !_held.Contains(k)) is { } blank && _known.Remove(blank.Client);
}
