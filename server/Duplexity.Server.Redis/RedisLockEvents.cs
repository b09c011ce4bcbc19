using Duplexity.Server.Engine;
using Duplexity.Server.Redis.Diagnostics;
using MessagePack;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>What happens to locks, read from the store's stream in its order, one reader at a time, and told to the node. Thread-safe.</summary>
internal sealed class RedisLockEvents(RedisLink link, RedisLockViews views, ILogger logger) : IDisposable
{
    private const int Page = 500;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private ILockHandler? _handler;
    private string? _last;

    public RedisLockViews Views => views;

    public void Attach(ILockHandler handler)
    {
        if (Interlocked.CompareExchange(ref _handler, handler, null) is not null)
        {
            throw new InvalidOperationException("The locks were started already; one engine serves one node.");
        }
    }

    public bool IsAttached => _handler is not null;

    public void EnsureAttached()
    {
        if (!IsAttached)
        {
            throw new InvalidOperationException("The locks have not been started.");
        }
    }

    /// <summary>Reads what is held now, and stands behind all events so far. Answers when something ends next; null where nobody has started the locks.</summary>
    public async Task<string?> LoadAsync(string node)
    {
        if (_handler is null)
        {
            return null;
        }

        await _turn.WaitAsync();
        try
        {
            var read = (RedisResult[])(await link.RunAsync(RedisScript.Held, link.Keys.OfLocks, link.Keys.LockArguments(node)))!;
            views.Clear();
            foreach (var held in ((RedisResult[])read[1]!).Select(h => (string[])h!))
            {
                views.Set(LockName.Parse(held[0]), RedisLockViews.View(held[1..]));
            }

            _last = (string)read[0]!;
            return (string)read[2]!;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Reads and tells what has happened since.</summary>
    public async Task ReadAsync()
    {
        await _turn.WaitAsync();
        try
        {
            while (_last is not null)
            {
                var page = await link.AskAsync(database => database.StreamRangeAsync(link.Keys.LockEvents, $"({_last}", "+", Page));
                foreach (var entry in page)
                {
                    Tell((byte[])entry.Values[0].Value!);
                    _last = entry.Id;
                }

                if (page.Length < Page)
                {
                    return;
                }
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private void Tell(byte[] packed)
    {
        var reader = new MessagePackReader(packed);
        reader.ReadArrayHeader();
        var name = LockName.Parse(reader.ReadString()!);
        var what = reader.ReadString()!;
        var holder = new LockHolder(reader.ReadString()!, reader.ReadString()!);
        var (ticket, token, lease) = (reader.ReadString()!, reader.ReadInt64(), TimeSpan.FromMilliseconds(reader.ReadInt64()));
        var (waiting, waited) = (reader.ReadInt32(), reader.ReadInt32() == 1);
        if (what is "granted" or "renewed")
        {
            views.Set(name, new LockView(holder, token, lease, lease));
        }
        else if (what is not ("contended" or "gave-up"))
        {
            views.Remove(name, token);
        }

        if (Event(what) is { } happened)
        {
            Tell(new LockChange(name, happened, holder, ticket, token, lease, waiting, waited));
        }
    }

    private void Tell(LockChange change)
    {
        try
        {
            _handler!.OnLockChanged(change);
        }
        catch (Exception exception)
        {
            // The next event is told whatever became of this one.
            Log.LockHandlerFailed(logger, exception);
        }
    }

    private static LockEvent? Event(string what) => what switch
    {
        "granted" => LockEvent.Granted,
        "released" => LockEvent.Released,
        "expired" => LockEvent.Expired,
        "broken" => LockEvent.Broken,
        "taken-over" => LockEvent.TakenOver,
        "contended" => LockEvent.Contended,
        "gave-up" => LockEvent.GaveUp,
        _ => null,
    };
}
