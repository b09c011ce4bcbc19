using Duplexity.Links;
using Duplexity.Protocol;
using Duplexity.Reading;
using FluentAssertions;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.Time.Testing;

namespace Duplexity.Server.Tests.Client;

/// <summary>A channel's log, the server's view of one subscription to it, and the listener under test; one thread.</summary>
internal sealed class ListenerModel : IDataHub
{
    private readonly FakeTimeProvider _time = new();
    private readonly Queue<Func<Task>> _begun = new();
    private readonly List<bool> _log = [];
    private readonly Listener _listener;
    private readonly ReadBuffer.Reader _reader;
    private DataLink _link;
    private int _told;

    public ListenerModel(int buffer)
    {
        var options = new DuplexityConnectionOptions { ReadBuffer = buffer, TimeProvider = _time };
        var connection = new DuplexityConnection(new Uri("http://localhost"), options);
        _listener = new Listener(Address.Room("model"), new JoinOptions(), new ListenerContext
        {
            Options = options,
            Seen = Seen,
            Read = (message, channel) => new Message(connection, message, channel, "me"),
            Missed = gap => throw new InvalidOperationException($"No gap was made: {gap}"),
            Refused = (_, refusal) => throw refusal,
            Paused = _ => { },
            JoiningAgain = _ => { },
            Begin = _begun.Enqueue,
        });
        _reader = _listener.Buffer.Open();
        _link = Attach();
    }

    public SeenIds Seen { get; } = new();

    public List<string> Read { get; } = [];

    public int Joins { get; private set; }

    public int Cuts { get; private set; }

    public IEnumerable<string> Expected => Enumerable.Range(1, _log.Count).Where(i => !_log[i - 1]).Select(i => $"m{i}");

    public void Run(IEnumerable<(int Op, int N)> ops)
    {
        foreach (var (op, n) in ops)
        {
            switch (op)
            {
                case 0:
                    Append(isWithheld: n < 3);
                    break;
                case 1:
                    DeliverNext();
                    break;
                case 2:
                    DeliverNext(isLost: true);
                    break;
                case 3:
                    Repeat(n);
                    break;
                case 4:
                    Advance();
                    break;
                case 5:
                    Cuts++;
                    _link = Attach();
                    break;
                default:
                    ReadSome(n);
                    break;
            }

            Settle();
        }

        Finish();
    }

    public void Append(bool isWithheld) => _log.Add(isWithheld);

    /// <summary>Tells the next entry that is not withheld.</summary>
    public void Deliver() => DeliverNext().Should().BeTrue();

    /// <summary>Brings an entry after all that was withheld and passed: it follows what was told last, and a place without a message leads back to that.</summary>
    public void DeliverLate(int offset)
    {
        _log[offset - 1] = false;
        _link.Deliver([Message(offset, _told)]);
        _link.Advanced(new AdvancedEvent { Channel = "room:model", After = Place(offset), Through = Place(_told) });
        Settle();
    }

    /// <summary>Tells everything that is left, and lets time pass for what was lost at the end.</summary>
    public void Finish()
    {
        for (var round = 0; round < 50 && (_listener.Last?.Offset != _log.Count || Read.Count < Expected.Count()); round++)
        {
            while (_told < _log.Count)
            {
                if (!DeliverNext())
                {
                    Advance();
                }

                ReadSome(1000);
                Settle();
            }

            ReadSome(1000);
            if (_listener.Last?.Offset != _log.Count)
            {
                // What the last message or advance would have shown: the server tells the place every 5 s.
                _link.Advanced(new AdvancedEvent { Channel = "room:model", After = Place(_log.Count), Through = Place(_log.Count) });
                _time.Advance(TimeSpan.FromSeconds(1));
            }

            Settle();
            ReadSome(1000);
            Settle();
        }

        _listener.Last!.Offset.Should().Be(_log.Count);
    }

    public Task<JoinResponse> Join(JoinRequest request)
    {
        Joins++;
        _told = (int)(request.Since?.Offset ?? _told);
        return Task.FromResult(new JoinResponse { Channel = "room:model", Position = Place(_told), Recovered = request.Since is null ? null : true });
    }

    public Task<OpenResponse> Open(OpenRequest request) => throw new NotSupportedException();

    public Task<SendResponse> Send(SendRequest request) => throw new NotSupportedException();

    public Task<SendResponse> Emit(EmitRequest request) => throw new NotSupportedException();

    public Task<Done> Leave(LeaveRequest request) => throw new NotSupportedException();

    public Task<HistoryResponse> History(HistoryRequest request) => throw new NotSupportedException();

    public Task<Done> AnswerChallenge(AnswerChallengeRequest request) => throw new NotSupportedException();

    public Task<PresenceResponse> Presence(PresenceRequest request) => throw new NotSupportedException();

    public Task<Done> Discard(DiscardRequest request) => throw new NotSupportedException();

    public Task<RenewClaimResponse> RenewClaim(RenewClaimRequest request) => throw new NotSupportedException();

    public Task<Done> ReturnClaim(ReturnClaimRequest request) => throw new NotSupportedException();

    public Task<DeadLettersResponse> DeadLetters(DeadLettersRequest request) => throw new NotSupportedException();

    public Task<ReplayResponse> Replay(ReplayRequest request) => throw new NotSupportedException();

    public Task<Done> Acknowledge(AcknowledgeRequest request) => throw new NotSupportedException();

    public Task<IdentityResponse> Authenticate(AuthenticateRequest request) => throw new NotSupportedException();

    public Task<IdentityResponse> Refresh(RefreshRequest request) => throw new NotSupportedException();

    public Task<Done> Drop(DropRequest request) => throw new NotSupportedException();

    public Task<Done> SetPrimary(SetPrimaryRequest request) => throw new NotSupportedException();

    public Task<AcquireLockResponse> AcquireLock(AcquireLockRequest request) => throw new NotSupportedException();

    public Task<RenewLockResponse> RenewLock(RenewLockRequest request) => throw new NotSupportedException();

    public Task<Done> ReleaseLock(ReleaseLockRequest request) => throw new NotSupportedException();

    private static Position Place(int offset) => offset == 0 ? Position.Start : new Position(offset, "e");

    private static DeliveredMessage Message(int offset, int after) => new()
    {
        Id = $"m{offset}",
        Channel = "room:model",
        Position = Place(offset),
        After = after == offset - 1 ? null : Place(after),
        Text = "",
    };

    // The next entry that is for this socket; false where only withheld ones are left.
    private bool DeliverNext(bool isLost = false)
    {
        var next = _told;
        while (next < _log.Count && _log[next])
        {
            next++;
        }

        if (next == _log.Count)
        {
            return false;
        }

        var message = Message(next + 1, _told);
        _told = next + 1;
        if (!isLost)
        {
            _link.Deliver([message]);
        }

        return true;
    }

    private void Advance()
    {
        if (_told < _log.Count && _log.Skip(_told).All(withheld => withheld))
        {
            _link.Advanced(new AdvancedEvent { Channel = "room:model", After = Place(_told), Through = Place(_log.Count) });
            _told = _log.Count;
        }
    }

    private void Repeat(int back)
    {
        if (_told - back is > 0 and var offset && !_log[offset - 1] && offset <= (_listener.Last?.Offset ?? 0))
        {
            _link.Deliver([Message(offset, offset - 1)]);
        }
    }

    private DataLink Attach()
    {
        var hub = new HubConnectionBuilder().WithUrl("http://localhost").Build();
        var link = new DataLink(hub, this, new Direct(_listener), _time);
        _listener.AttachAsync(link).IsCompleted.Should().BeTrue();
        return link;
    }

    private void ReadSome(int count)
    {
        while (count-- > 0 && _reader.TryRead(out var message))
        {
            Read.Add(message.Id);
        }
    }

    private void Settle()
    {
        while (_begun.TryDequeue(out var work))
        {
            work().IsCompletedSuccessfully.Should().BeTrue();
        }
    }

    private sealed class Direct(Listener listener) : IDataSink
    {
        public void Place(DataLink link, JoinedEvent joined)
        {
        }

        public void Deliver(DataLink link, DeliveredMessage message) => listener.Deliver(link, message);

        public void Advance(DataLink link, AdvancedEvent advanced) => listener.Advance(link, advanced);

        public void Tell(DataLink link, PresenceChangedEvent changed) => listener.Tell(link, changed);

        public void Leave(DataLink link, LeftEvent left) => listener.Leave(link, left);

        public void Withdraw(WithdrawnEvent withdrawn) => listener.Withdraw(withdrawn);
    }
}
