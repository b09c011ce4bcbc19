using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity.Reading;

/// <summary>
/// One subscription's place in its channel, and what keeps it right: it takes what follows, leaves what repeats, and joins again behind the last place it took
/// for everything else — after a reconnect, on a gap, and once a full buffer is read half empty. That one way back is the server's recovery; nothing else is
/// ever fetched (G9). Thread-safe; called from the handler loop of links, so it never blocks.
/// </summary>
internal sealed partial class Listener
{
    // A message of before a join that was still on its way looks like a gap; as long as nothing that follows has come since, a doubt waits this long first.
    private static readonly TimeSpan Doubt = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly ListenerContext _context;
    private readonly JoinOptions _options;
    private readonly List<DeliveredMessage> _early = [];
    private readonly ITimer _doubt;
    private readonly TaskCompletionSource _joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private DataLink? _link;
    private Position? _last;
    private bool _isJoining;
    private bool _joinAgain;
    private bool _isSettling;
    private bool _isDoubting;
    private bool _isPaused;
    private bool _wasJoined;
    private bool _isOver;

    public Listener(Address address, JoinOptions options, ListenerContext context)
    {
        Address = address;
        _options = options;
        _context = context;
        _last = options.Since;
        Buffer = new ReadBuffer(context.Options.ReadBuffer);
        Buffer.Drained += OnDrained;
        _doubt = context.Options.TimeProvider.CreateTimer(_ => OnDoubt(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public Address Address { get; }

    /// <summary>The client to listen as; null: the primary one.</summary>
    public string? As => _options.As;

    public ReadBuffer Buffer { get; }

    /// <summary>How it acknowledges; null where there is nothing to acknowledge.</summary>
    public AckMode? Ack => Address.Kind != AddressKind.Client ? null : _options.Ack ?? (_options.Since is null && _options.Last == 0 ? AckMode.Auto : AckMode.None);

    /// <summary>Which reader of the inbox it is.</summary>
    public string? Reader => _options.Reader;

    /// <summary>How many messages waited behind the place at which it began last.</summary>
    public long Waiting { get; private set; }

    /// <summary>Completes with the first answer that lets the subscription begin; faults when it is over before.</summary>
    public Task Joined => _joined.Task;

    /// <summary>Why the join has not succeeded yet.</summary>
    public DuplexityError? LastFailure { get; private set; }

    /// <summary>The place behind which everything is still to come; null before the first join was answered.</summary>
    public Position? Last
    {
        get
        {
            lock (_gate)
            {
                return _last;
            }
        }
    }

    /// <summary>Makes what the subscription becomes when its lockspace's owner moves the client to another one; null: nothing.</summary>
    public Func<Listener, Observers, Lockspace>? Moved { get; set; }

    /// <summary>Goes on with a new link. The task completes with the first answer of its join there, whatever that says; never faults.</summary>
    public Task AttachAsync(DataLink link)
    {
        lock (_gate)
        {
            if (_isOver || _link == link)
            {
                return Task.CompletedTask;
            }

            _link = link;
            _joinAgain = false;
            _isPaused = false;
            _isJoining = true;
            _early.Clear();
        }

        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _ = JoinAsync(link, answered);
        return answered.Task;
    }

    public void Deliver(DataLink link, DeliveredMessage message)
    {
        if (Ack == AckMode.Claim)
        {
            Claimed?.Invoke(link, _context.Read(message, Address));
            return;
        }

        lock (_gate)
        {
            if (_link == link && !_isPaused && !_isOver)
            {
                SeeUnsynchronized(message);
            }
        }
    }

    /// <summary>A message to the socket's own address: it shares the buffer, but has no log from which it could come again.</summary>
    public void DeliverDirect(DeliveredMessage message, Address channel)
    {
        lock (_gate)
        {
            if (_isOver || _context.Seen.Contains(message.Id))
            {
                return;
            }

            if (!Buffer.IsFull)
            {
                _context.Seen.TryAdd(message.Id);
                Buffer.TryAdd(_context.Read(message, channel));
                return;
            }
        }

        _context.Missed(new Gap(channel, message.After ?? message.Position with { Offset = message.Position.Offset - 1 }, message.Position));
    }

    public void Advance(DataLink link, AdvancedEvent advanced)
    {
        lock (_gate)
        {
            if (_link != link || _isPaused || _isOver || _last is null)
            {
                return;
            }

            switch (Track.Look(_last, advanced.Through, advanced.After))
            {
                case Sight.Follows:
                    TakePlaceUnsynchronized(advanced.Through);
                    break;
                case Sight.Apart:
                    MissUnsynchronized();
                    break;
            }
        }
    }

    /// <summary>The subscription is over: left, refused (<paramref name="fault"/>), or the connection is.</summary>
    public void End(DuplexityException? fault = null)
    {
        lock (_gate)
        {
            if (_isOver)
            {
                return;
            }

            _isOver = true;
            _early.Clear();
            EndWatchesUnsynchronized(fault);
        }

        _doubt.Dispose();
        Buffer.Complete(fault);
        if (fault is not null)
        {
            _joined.TrySetException(fault);
            _ = _joined.Task.Exception; // nobody may wait for the join any more
        }
        else
        {
            _joined.TrySetCanceled();
        }
    }

    private void SeeUnsynchronized(DeliveredMessage message)
    {
        var sight = Track.Look(_last, message.Position, message.After);
        if (message.Attempt > 1 && sight != Sight.Follows)
        {
            // It comes again: its place was passed, and says nothing of what follows. What finds no room now comes later.
            Buffer.TryAdd(_context.Read(message, Address));
            return;
        }

        switch (sight)
        {
            case Sight.Follows when message.Attempt > 1 && !Buffer.IsFull:
                _context.Seen.TryAdd(message.Id);
                Buffer.TryAdd(_context.Read(message, Address));
                TakePlaceUnsynchronized(message.Position);
                break;

            case Sight.Follows when _context.Seen.Contains(message.Id):
                TakePlaceUnsynchronized(message.Position);
                break;

            case Sight.Follows when Buffer.IsFull:
                // The place stays: what is left out now comes again with the join that follows, as soon as there is room. One that came late lies before its place, and the join goes back to it.
                _last = Track.IsLate(_last!, message.Position) ? message.Position.Offset == 1 ? Position.Start : message.Position with { Offset = message.Position.Offset - 1 } : _last;
                _isPaused = true;
                _context.Paused(Address);
                if (Buffer.IsHalfEmpty)
                {
                    ResumeUnsynchronized();
                }

                break;

            case Sight.Follows:
                // Only this listener adds to its buffer, under its lock: there is room. Another channel's copy may have won since the look above.
                if (_context.Seen.TryAdd(message.Id))
                {
                    Buffer.TryAdd(_context.Read(message, Address));
                }

                TakePlaceUnsynchronized(message.Position);
                break;

            case Sight.Apart when _isJoining:
                // Until the answer names the place, this may be the first message behind it. Beyond the bound it is only left out: the place finds that.
                if (_early.Count < _context.Options.ReadBuffer)
                {
                    _early.Add(message);
                }

                break;

            case Sight.Apart when !_context.Seen.Contains(message.Id):
                MissUnsynchronized();
                break;
        }
    }

    private void TakePlaceUnsynchronized(Position place)
    {
        _last = place;
        _isSettling = false;
        _isDoubting = false;
    }

    private void MissUnsynchronized()
    {
        if (!_isSettling)
        {
            BeginJoinUnsynchronized();
        }
        else if (!_isDoubting)
        {
            _isDoubting = true;
            _doubt.Change(Doubt, Timeout.InfiniteTimeSpan);
        }
    }

    private void OnDoubt()
    {
        lock (_gate)
        {
            if (_isDoubting && !_isOver)
            {
                _isDoubting = false;
                BeginJoinUnsynchronized();
            }
        }
    }

    private void OnDrained()
    {
        lock (_gate)
        {
            if (_isPaused && !_isOver)
            {
                ResumeUnsynchronized();
            }
        }
    }

    private void ResumeUnsynchronized()
    {
        _isPaused = false;
        BeginJoinUnsynchronized();
    }
}
