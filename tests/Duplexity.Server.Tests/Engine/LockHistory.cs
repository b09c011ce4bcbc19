using Duplexity.Server.Engine;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;

namespace Duplexity.Server.Tests.Engine;

/// <summary>
/// One history of a lock among four programs, run against an engine and checked at each step: what each program believes by its own clock never overlaps with what another was granted, tokens grow, the line keeps its order, and
/// a log that is written under the lock accepts nothing out of token order, however late a program that stood still comes.
/// </summary>
internal sealed class LockHistory : ILockHandler
{
    private static readonly LockName Name = new("board", "card");
    private static readonly Address Guarded = Address.Room("board");
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);
    private static readonly LockHolder[] Programs = [new("AMY", "s0"), new("AMY", "s1"), new("BEN", "s2"), new("CLEO", "s3")];

    private readonly FakeTimeProvider _time;
    private readonly LockStore _store;
    private readonly List<Belief> _beliefs = [];
    private readonly List<string> _line = [];
    private readonly List<long> _accepted = [];
    private EmbeddedEngine _engine = null!;
    private Exception? _failure;
    private long _highest;
    private int _tickets;

    public LockHistory(FakeTimeProvider time, LockStore store) => (_time, _store) = (time, store);

    /// <summary>The tokens under which the log accepted a message, in its order.</summary>
    public IReadOnlyList<long> Accepted => _accepted;

    /// <summary>How many grants there were.</summary>
    public int Grants { get; private set; }

    private ILocks Locks => _engine.Locks;

    /// <summary>Runs steps, each a number that says what happens and to whom, then lets everybody go and looks at what is left.</summary>
    public async Task RunAsync(int[] steps)
    {
        await StartAsync();
        foreach (var step in steps)
        {
            await StepAsync(step % 16, Programs[step / 16 % 4], step / 64);
            Check();
        }

        _store.Records.Fails = false;
        foreach (var client in new[] { "AMY", "BEN", "CLEO" })
        {
            _line.RemoveAll(t => Programs.Any(p => p.Client == client && t.EndsWith(p.SocketId, StringComparison.Ordinal)));
            await Locks.DropAsync(client, null);
        }

        Check();
        Locks.Find(Name).Should().BeNull();

        // What could not be taken off a full disk goes with the first lease after the next start.
        _store.Kill(_engine);
        await StartAsync();
        _time.Advance(Lease + TimeSpan.FromSeconds(1));
        (await _store.Records.ListAsync("lock")).Should().BeEmpty("nothing is left of a lock that nobody has");
        _engine.Dispose();
    }

    /// <inheritdoc/>
    public void OnLockChanged(LockChange change)
    {
        try
        {
            See(change);
        }
        catch (Exception e)
        {
            // The engine goes on whatever its handler throws; the history does not.
            _failure ??= e;
        }
    }

    private void See(LockChange change)
    {
        switch (change.Event)
        {
            case LockEvent.Granted when change.Waited:
                _line.Should().StartWith([change.Ticket], "who asked first comes first");
                _line.RemoveAt(0);
                Grant(change.Holder, change.Ticket, change.Token);
                break;
            case LockEvent.GaveUp:
                _line.Remove(change.Ticket).Should().BeTrue();
                break;
            case LockEvent.Released or LockEvent.Broken or LockEvent.TakenOver:
                // A program that is told so acts no more; one whose lease ends knows by itself.
                _beliefs.FindAll(b => b.Token == change.Token).ForEach(b => b.Until = Now);
                break;
        }
    }

    private void Check()
    {
        if (_failure is not null)
        {
            throw new InvalidOperationException(_failure.Message, _failure);
        }
    }

    private TimeSpan Now => _time.GetElapsedTime(0);

    private async Task StartAsync()
    {
        _engine = _store.Open();
        _engine.Attach(new NoHandler());
        await Locks.StartAsync(this);
    }

    private async Task StepAsync(int what, LockHolder who, int amount)
    {
        switch (what)
        {
            case 0 or 1 or 2 or 3:
                await AcquireAsync(new LockRequest(Name, who, $"t{_tickets++}", Lease, TimeSpan.FromSeconds(amount % 3 * 8)));
                break;
            case 4 when _beliefs.FindLast(b => b.Holder.Client == who.Client) is { } mine && mine.Holder != who:
                await AcquireAsync(new LockRequest(Name, who, $"t{_tickets++}", Lease, TimeSpan.Zero, mine.Token));
                break;
            case 5 or 6 when _beliefs.FindLast(b => b.Holder == who) is { } held:
                var before = Now;
                if (await Locks.RenewAsync(Name, who, held.Token))
                {
                    held.Until = before + Lease;
                }

                break;
            case 7 when _beliefs.FindLast(b => b.Holder == who) is { } given:
                await Locks.ReleaseAsync(Name, who, given.Token);
                break;
            case 8 or 9 or 10:
                // A program that stood still comes late: it writes under whatever token it last had.
                await WriteAsync(_beliefs.FindLast(b => b.Holder == who));
                break;
            case 11 or 12:
                _time.Advance(TimeSpan.FromSeconds(amount % 7));
                break;
            case 13:
                _line.RemoveAll(t => t.EndsWith(who.SocketId, StringComparison.Ordinal));
                await Locks.LoseAsync(who.SocketId);
                break;
            case 14 when amount % 2 == 0:
                await RestartAsync(TimeSpan.FromMinutes((amount % 5) - 3));
                break;
            case 14:
                _store.Records.Fails = !_store.Records.Fails;
                break;
            case 15 when amount % 3 == 0:
                await Locks.BreakAsync(Name);
                break;
            case 15 when !_store.Records.Fails:
                // The process dies with the next write, before it or behind it; whoever asked never hears.
                _store.Records.DiesWithNextWrite = true;
                _store.Records.MakesLastWrite = amount % 3 == 1;
                await AcquireAsync(new LockRequest(Name, who, $"t{_tickets++}", Lease, TimeSpan.Zero));
                if (_beliefs.FindLast(b => b.Holder == who) is { } last)
                {
                    await Locks.ReleaseAsync(Name, who, last.Token);
                }

                _store.Records.DiesWithNextWrite = false;
                await RestartAsync(TimeSpan.Zero);
                break;
        }
    }

    private async Task RestartAsync(TimeSpan jump)
    {
        _line.Clear();
        _store.Kill(_engine);

        // The fake clock takes the programs' own clocks along, which in life go on undisturbed.
        _time.AdjustTime(_time.GetUtcNow() + jump);
        _beliefs.ForEach(b => b.Until += jump);
        if (!_store.KeepsMessages)
        {
            _highest = 0;
            _accepted.Clear();
        }

        await StartAsync();
    }

    private async Task AcquireAsync(LockRequest request)
    {
        request = request with { Ticket = $"{request.Ticket}-{request.Holder.SocketId}" };
        _line.Add(request.Ticket);
        LockAnswer answer;
        try
        {
            answer = await Locks.AcquireAsync(request);
        }
        catch (IOException)
        {
            _line.Remove(request.Ticket);
            return;
        }

        if (answer.Outcome != LockOutcome.Queued)
        {
            _line.Remove(request.Ticket);
        }

        if (answer.Outcome == LockOutcome.Granted)
        {
            Grant(request.Holder, request.Ticket, answer.Held!.Token);
        }
    }

    private void Grant(LockHolder holder, string ticket, long token)
    {
        Grants++;
        _beliefs.Exists(b => b.Token >= token).Should().BeFalse("a token never goes back");
        _beliefs.FindAll(b => b.Until > Now).Should().BeEmpty($"{ticket} was granted while somebody else counts on the lock");
        _beliefs.Add(new Belief(holder, token) { Until = Now + Lease });
    }

    private async Task WriteAsync(Belief? belief)
    {
        if (belief is null)
        {
            return;
        }

        var message = new StoredMessage { Id = Guid.NewGuid().ToString("n"), FromClient = belief.Holder.Client, SentAt = _time.GetUtcNow(), Text = "x", Destinations = [Guarded] };
        var result = await _engine.Log.AppendAsync(new AppendRequest(message) { Fence = new Fence(Name.ToString(), belief.Token) });

        result.Outcome.Should().Be(belief.Token < _highest ? AppendOutcome.StaleFence : AppendOutcome.Stored);
        if (result.Outcome == AppendOutcome.Stored)
        {
            _highest = belief.Token;
            _accepted.Add(belief.Token);
        }
    }

    /// <summary>What a program counts on: that it holds the lock until then.</summary>
    private sealed record Belief(LockHolder Holder, long Token)
    {
        public TimeSpan Until { get; set; }
    }

    private sealed class NoHandler : IEngineHandler
    {
        public void OnAppended(LogEntry entry)
        {
        }
    }
}
