namespace Duplexity.Server.Engine;

/// <summary>Something that waits for the writer. Run in a batch with others in the order of their calls; told of when the batch is committed, or has failed.</summary>
internal abstract class LogWork
{
    /// <summary>What it holds while it waits.</summary>
    public virtual int Bytes => 0;

    /// <summary>Whose part of what may wait it takes; null: the node's own.</summary>
    public virtual string? Client => null;

    /// <summary>Whether it must see what came before it as committed.</summary>
    public virtual bool IsAlone => false;

    /// <summary>Does it, within the batch's transaction.</summary>
    public abstract void Run(SqliteStore store, EphemeralPlaces places);

    /// <summary>It is committed.</summary>
    public abstract void Publish(LogViews views, Action<LogEntry> deliver);

    /// <summary>It is not committed, or not in time. Whoever waits is told; should it be committed after all, nobody waits any more.</summary>
    public abstract void Fail(Exception exception);
}

/// <summary>Work that somebody waits for.</summary>
internal abstract class LogWork<T> : LogWork
{
    private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<T> Done => _done.Task;

    public override void Fail(Exception exception) => _done.TrySetException(exception);

    protected void Answer(T result) => _done.TrySetResult(result);
}

/// <summary>An append.</summary>
internal sealed class AppendWork(AppendRequest request, IRetention retention, LogViews views, ReceiptLevel level) : LogWork<AppendResult>
{
    // On the caller's thread: the writer's time is everybody's.
    private readonly byte[] _body = StoredBytes.Of(request.Message);
    private readonly int _size = request.Message.Size;
    private readonly bool[] _isEphemeral = [.. request.Message.Destinations.Select(d => retention.Of(d).Ephemeral)];
    private LogEntry[] _entries = [];
    private AppendResult? _result;

    public override int Bytes => _body.Length;

    public override string? Client { get; } = request.IsOwn ? null : request.ChargedTo ?? request.Key?.Client ?? request.Message.ChargedTo;

    // What an ephemeral channel has accepted is seen when it is published.
    public override bool IsAlone => (request.Fence is not null || request.Source is not null) && _isEphemeral.Contains(true);

    public override void Run(SqliteStore store, EphemeralPlaces places)
    {
        _result = request.Key is not null && store.Find(request.Key, request.Message.Id) is { } earlier ? earlier
            : Refusal(store) is { } refusal ? AppendResult.Refused(refusal, request.Message.Id)
            : Append(store, places);
    }

    public override void Publish(LogViews to, Action<LogEntry> deliver)
    {
        if (_entries.Length > 0)
        {
            to.Publish(request, _entries, _isEphemeral);
            Array.ForEach(_entries, deliver);
        }

        Answer(_result!);
    }

    private AppendOutcome? Refusal(SqliteStore store)
    {
        if (request.Fence is null && request.Source is null)
        {
            return null;
        }

        for (var i = 0; i < _isEphemeral.Length; i++)
        {
            var destination = request.Message.Destinations[i];
            var refusal = _isEphemeral[i] ? views.Refusal(destination, request.Fence, request.Source) : store.Refusal(destination, request.Fence, request.Source);
            if (refusal is not null)
            {
                return refusal;
            }
        }

        return null;
    }

    private AppendResult Append(SqliteStore store, EphemeralPlaces places)
    {
        var message = request.Message;
        var count = _isEphemeral.Length;
        var channels = new SqliteChannel?[count];
        var positions = new Position[count];
        var entries = new LogEntry[count];
        for (var i = 0; i < count; i++)
        {
            var address = message.Destinations[i];
            channels[i] = _isEphemeral[i] ? null : store.Channel(address);
            (positions[i], var before) = channels[i] is { } channel ? (channel.Next, channel.Top) : places.Next(address);
            entries[i] = new LogEntry(address, positions[i], before, message, new ArraySegment<Position>(positions, 0, i));
        }

        var copies = channels.Count(c => c is not null);
        if (copies > 0)
        {
            var id = store.AddMessage(copies, _body, count > 1 ? StoredBytes.Of(positions) : null);
            for (var i = 0; i < count; i++)
            {
                if (channels[i] is { } channel)
                {
                    store.Append(channel, request, id, i, _size);
                }
            }
        }

        _entries = entries;
        var result = new AppendResult(AppendOutcome.Stored, message.Id, message.Destinations, positions, copies == count ? level : ReceiptLevel.Accepted);
        if (request.Key is not null)
        {
            store.Keep(request.Key, result);
        }

        return result;
    }
}

/// <summary>The question what an earlier append with a key did.</summary>
internal sealed class FindWork(IdempotencyKey key) : LogWork<AppendResult?>
{
    private AppendResult? _result;

    public override string? Client => key.Client;

    public override void Run(SqliteStore store, EphemeralPlaces places) => _result = store.Find(key, "") is { Outcome: AppendOutcome.Repeated } earlier ? earlier : null;

    public override void Publish(LogViews views, Action<LogEntry> deliver) => Answer(_result);
}

/// <summary>Forgets a channel.</summary>
internal sealed class RemoveWork(Address channel, bool isEphemeral, LogViews views) : LogWork<bool>
{
    public override void Run(SqliteStore store, EphemeralPlaces places)
    {
        if (isEphemeral)
        {
            places.Forget(channel);
        }
        else
        {
            store.Remove(channel);
        }
    }

    public override void Publish(LogViews to, Action<LogEntry> deliver)
    {
        to.Remove(channel);
        Answer(true);
    }

    public override void Fail(Exception exception)
    {
        // What is only in memory goes, whatever the disk says.
        if (isEphemeral)
        {
            views.Remove(channel);
        }

        base.Fail(exception);
    }
}

/// <summary>One step of letting go of what is too old; whether there is more to do.</summary>
internal sealed class SweepWork(LogViews views) : LogWork<bool>
{
    private readonly List<Address> _forgotten = [];
    private bool _more;

    // Nothing that the same batch has given to a channel may be forgotten with it.
    public override bool IsAlone => true;

    public override void Run(SqliteStore store, EphemeralPlaces places)
    {
        _more = store.Sweep(_forgotten);
        foreach (var channel in views.SweepEphemeral())
        {
            places.Forget(channel);
            _forgotten.Add(channel);
        }
    }

    public override void Publish(LogViews to, Action<LogEntry> deliver)
    {
        _forgotten.ForEach(to.Remove);
        Answer(_more);
    }
}
