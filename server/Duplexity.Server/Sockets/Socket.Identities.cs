using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Sockets;

/// <summary>The socket as the holder of several clients: what it takes on and lets go with each, and which of them a message is for.</summary>
internal sealed partial class Socket : IIdentityHolder, ISenderEnd
{
    /// <summary>
    /// Which of its clients receives an entry; null: it is not for this socket. It is not where it is its own message, a copy of which an earlier destination reaches it, or for none of those
    /// who listen: by their allowances and the egress gates. The primary client comes first, so that most sockets of a channel get the same bytes.
    /// </summary>
    /// <param name="subscription">Under which it would come.</param>
    /// <param name="entry">The entry there.</param>
    /// <param name="bringing">Which subscription is to bring the copy of an earlier destination, and has not come to its place yet; null: it has, or none is.</param>
    public string? ReceiverOf(Subscription subscription, LogEntry entry, out (Subscription By, Position At)? bringing)
    {
        bringing = null;
        if (entry.Message.FromSocket == Id && subscription.Reading is not { IsShared: false })
        {
            return null;
        }

        // Work that is dealt to one socket comes to it, also where it has sent it, or has seen a copy: nobody else has it.
        for (var i = 0; i < entry.Earlier.Count && subscription.Reading is not { IsShared: false }; i++)
        {
            // To join it later, or to be refused it there, is no reason to miss the copy here.
            if (_subscriptions.GetValueOrDefault(entry.Message.Destinations[i]) is { Reading: not { IsShared: false } } other && entry.Earlier[i].Offset > other.Start.Offset && HolderOf(other, entry with { Channel = other.Address, Position = entry.Earlier[i] }) is not null)
            {
                bringing = (other.Follows ?? other).Passed.Offset < entry.Earlier[i].Offset ? (other, entry.Earlier[i]) : null;
                return null;
            }
        }

        return HolderOf(subscription, entry);
    }

    /// <summary>Whether one of its clients may be told who comes and goes in a channel, and wants to be.</summary>
    public bool Sees(Subscription subscription)
    {
        if (subscription.IsClosed || !_parts.Rules.Announces(subscription.Address))
        {
            return false;
        }

        var now = _parts.Time.GetUtcNow();
        return subscription.Watchers.Any(client => Identities.Find(client) is { } held && held.Identity.IsValidAt(now) && held.Rules.MayJoin(subscription.Address)
            && _parts.Rules.LetsSee(subscription.Address, client, held.Identity.Principal));
    }

    /// <inheritdoc/>
    public async ValueTask<DuplexityError?> AdmitAsync(HeldIdentity identity)
    {
        if (Hold(identity) is { } refused)
        {
            return refused;
        }

        await _parts.Listening.ListenToOwnAsync(this, identity.Client);
        _parts.Watches.Mark(this, identity.Client, SocketChangeKind.Connected);
        return null;
    }

    /// <summary>From here on it is one of this client's sockets; an error where the client has too many, has fallen off meanwhile, or the socket is over.</summary>
    public DuplexityError? Hold(HeldIdentity identity)
    {
        var most = Math.Min(_parts.Options.Limits.SocketsPerClient, identity.Rules.Limits.Sockets ?? int.MaxValue);
        if (!_parts.Index.TryHold(this, identity.Client, most))
        {
            return _parts.Index.Find(Id) is null
                ? DuplexityError.Of(Errors.ShuttingDown, "This connection is being closed.")
                : DuplexityError.Of(Errors.TooManySockets, $"This client has {most} sockets already; close one first.") with { Limit = "sockets_per_client", Used = most };
        }

        if (Identities.Find(identity.Client) is not null)
        {
            return null;
        }

        // Whoever took it off has not met this.
        _parts.Index.Release(this, identity.Client);
        return IdentityChanges.NotHeld(identity.Client);
    }

    /// <inheritdoc/>
    public async ValueTask ReleaseAsync(string client, string change)
    {
        _parts.Index.Release(this, client);
        _parts.Answers.Release(Line, client);
        _parts.Receipts.Release(Line, client);
        var reason = change != IdentityChange.Dropped ? DepartureReason.Removed : IsClosing ? Departure.Reason : null;
        foreach (var subscription in SubscriptionsOf(client))
        {
            await _parts.Listening.StopAsync(this, subscription.Address, client, reason);
        }

        _parts.Membership.Unwind(client, Id);

        // Whoever comes back with a new token goes on with its locks; what was dropped or revoked, does not.
        await (change == IdentityChange.Expired ? _parts.Engine.Locks.LoseAsync(Id, client) : _parts.Engine.Locks.DropAsync(client, Id));
        _parts.Watches.Mark(this, client, SocketChangeKind.Gone);
        try
        {
            await Queue.PassAsync().WaitAsync(_parts.Options.Times.LastWord, _parts.Time);
        }
        catch (TimeoutException)
        {
            // Another writer holds the connection, and behind it wait bytes that were for this client: better none than those.
            Transport.Cut();
        }
    }

    /// <inheritdoc/>
    public void Tell(IdentitiesChangedEvent changed)
    {
        Queue.Send(nameof(IDataClient.IdentitiesChanged), changed);
        if (changed.Change == IdentityChange.Refreshed)
        {
            _parts.Answers.Renewed(Line, changed.Client, Identities.Find(changed.Client)?.Identity.IssuedAt);
        }
    }

    /// <inheritdoc/>
    public Sender? Renewed(string client) => Identities.Find(client) is { } held && held.Identity.IsValidAt(_parts.Time.GetUtcNow()) ? held.SenderFrom(Id, Line) : null;

    /// <inheritdoc/>
    public void Tell(ChallengeEvent challenge) => Queue.Send(nameof(IDataClient.Challenge), challenge);

    /// <inheritdoc/>
    public void Tell(ReceiptChangedEvent changed) => Queue.Send(nameof(IDataClient.ReceiptChanged), changed);

    /// <inheritdoc/>
    public void Tell(ReauthenticateSoonEvent soon) => Queue.Send(nameof(IDataClient.ReauthenticateSoon), soon);

    /// <inheritdoc/>
    public void Tell(DrainingEvent draining) => Queue.Send(nameof(IDataClient.Draining), draining);

    /// <inheritdoc/>
    Task IIdentityHolder.Gone => Transport.Gone;

    /// <inheritdoc/>
    public void TellAllowances(HeldIdentity identity)
    {
        Queue.Send(nameof(IDataClient.AllowancesChanged), new AllowancesChangedEvent { SocketId = Id, Client = identity.Client, Allowances = identity.Rules.Shown });
        _parts.Watches.Mark(this, identity.Client, SocketChangeKind.Changed);
    }

    /// <inheritdoc/>
    public void End((int Code, string Name) code, string reason, bool isAsked)
    {
        if (isAsked)
        {
            CloseSoon(code, reason);
        }
        else
        {
            Close(code, reason);
        }
    }

    /// <summary>Whether the sender of an entry wants to know that it came here.</summary>
    public bool IsAwaited(LogEntry entry) => _parts.Receipts.IsAwaited(entry.Message.Id);

    /// <summary>A copy of an entry whose sender wants to know is with the transport.</summary>
    public void Written(LogEntry entry) => _parts.Receipts.Delivered(entry);

    /// <summary>A copy of an entry leaves for a client.</summary>
    public void Delivered(LogEntry entry, string client) => _parts.Departures.Delivered(entry, client, Id);

    /// <summary>Which of its clients may have an entry; null: none.</summary>
    public string? HolderOf(Subscription subscription, LogEntry entry)
    {
        string? found = null;
        var now = _parts.Time.GetUtcNow();
        foreach (var client in subscription.Clients)
        {
            if (Identities.Find(client) is { } held && held.Identity.IsValidAt(now) && held.Rules.MayReceive(entry.Channel) && Lets(held, entry))
            {
                if (client == Primary)
                {
                    return client;
                }

                found ??= client;
            }
        }

        return found;
    }

    private bool Lets(HeldIdentity held, LogEntry entry)
    {
        if (_parts.Egress.IsEmpty || _parts.Egress.Lets(held.SenderFrom(Id), entry))
        {
            return true;
        }

        _parts.Departures.Withheld(entry, held.Client, Id);
        return false;
    }
}
