using Duplexity.Locking;
using Duplexity.Protocol;
using Duplexity.Sending;
using Microsoft.AspNetCore.SignalR.Client;

namespace Duplexity.Links;

/// <summary>Where a data link's events go. Called from the link's one handler loop: must not block.</summary>
internal interface IDataSink
{
    void Deliver(DataLink link, DeliveredMessage message);

    void Advance(DataLink link, AdvancedEvent advanced);

    void Tell(DataLink link, PresenceChangedEvent changed);

    void Leave(DataLink link, LeftEvent left);

    void Place(DataLink link, JoinedEvent joined);

    void Withdraw(WithdrawnEvent withdrawn);
}

/// <summary>A data connection.</summary>
internal sealed class DataLink : Link, IDataClient
{
    private readonly IDataSink _sink;

    public DataLink(HubConnection connection, IDataSink sink, TimeProvider time)
        : base(connection, time)
    {
        _sink = sink;
        Hub = new DataHubProxy(connection);
        DataHubProxy.Register(connection, this);
    }

    /// <summary>For tests: a link without a connection below it.</summary>
    internal DataLink(HubConnection connection, IDataHub hub, IDataSink sink, TimeProvider time)
        : base(connection, time)
    {
        _sink = sink;
        Hub = hub;
    }

    public IDataHub Hub { get; }

    /// <summary>Who is told of the identities; none before the connection has taken the link.</summary>
    public Identities? Identities { get; set; }

    /// <summary>Who is told of locks; as the identities.</summary>
    public LockDesk? Locks { get; set; }

    /// <summary>Who is told who is held; as the identities.</summary>
    public Lockspaces? Lockspaces { get; set; }

    /// <summary>Who answers what gates ask; none before the connection has taken the link.</summary>
    public Challenges? Challenges { get; set; }

    /// <summary>Who waits for what becomes of messages that are held; none before the connection has taken the link.</summary>
    public Outbox? Outbox { get; set; }

    public Task Deliver(DeliveredMessage[] messages)
    {
        foreach (var message in messages)
        {
            _sink.Deliver(this, message);
        }

        return Task.CompletedTask;
    }

    public Task Advanced(AdvancedEvent advanced)
    {
        _sink.Advance(this, advanced);
        return Task.CompletedTask;
    }

    public Task PresenceChanged(PresenceChangedEvent changed)
    {
        _sink.Tell(this, changed);
        return Task.CompletedTask;
    }

    public Task Left(LeftEvent left)
    {
        _sink.Leave(this, left);
        return Task.CompletedTask;
    }

    public Task IdentitiesChanged(IdentitiesChangedEvent changed)
    {
        Identities?.Apply(changed);
        return Task.CompletedTask;
    }

    public Task ReauthenticateSoon(ReauthenticateSoonEvent soon)
    {
        // Not awaited: the answer comes through the very loop that calls this.
        _ = Identities?.RenewAsync(this, soon.Client);
        return Task.CompletedTask;
    }

    public Task LockChanged(LockChangedEvent changed)
    {
        Locks?.Apply(this, changed);
        return Task.CompletedTask;
    }

    public Task HeldChanged(HeldChangedEvent changed)
    {
        Lockspaces?.Apply(changed);
        return Task.CompletedTask;
    }

    public Task AllowancesChanged(AllowancesChangedEvent changed)
    {
        Identities?.Apply(changed);
        return Task.CompletedTask;
    }

    public Task Challenge(ChallengeEvent challenge)
    {
        // Not awaited: a person may be asked, and the answer comes through the very loop that calls this.
        _ = Challenges?.AnswerAsync(this, challenge);
        return Task.CompletedTask;
    }

    public Task ReceiptChanged(ReceiptChangedEvent changed)
    {
        Outbox?.Apply(changed);
        return Task.CompletedTask;
    }

    public Task Joined(JoinedEvent joined)
    {
        _sink.Place(this, joined);
        return Task.CompletedTask;
    }

    public Task Withdrawn(WithdrawnEvent withdrawn)
    {
        _sink.Withdraw(withdrawn);
        return Task.CompletedTask;
    }
}
