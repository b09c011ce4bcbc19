using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Duplexity.Protocol;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// Orders carriers from clients and pairs each one that arrives with whoever ordered it. A ticket exists in this node's memory only, is good once and
/// for one (session, pipe, generation), and only beside the token of the pipe's owner (G14). Thread-safe.
/// </summary>
internal sealed class CarryDesk
{
    private const int TicketBytes = 32;
    private readonly ConcurrentDictionary<string, Order> _open = new(StringComparer.Ordinal);
    private readonly Sessions _sessions;
    private readonly NodeBook _nodes;
    private readonly NodeCalls _calls;
    private readonly Node _node;
    private readonly TimeSpan _patience;
    private readonly TimeProvider _time;

    public CarryDesk(Sessions sessions, NodeBook nodes, NodeCalls calls, Node node, IOptions<DuplexityOptions> options, TimeProvider time)
    {
        (_sessions, _nodes, _calls, _node, _patience, _time) = (sessions, nodes, calls, node, options.Value.Times.Carry, time);
        sessions.Ended += (session, generation) =>
        {
            Withdraw(session, generation);
            return Task.CompletedTask;
        };
        sessions.LinkChanged += session =>
        {
            if (session.Link is null)
            {
                // What was ordered went with the connection, and is not ordered again when another comes: who waits is told as soon as those who come now.
                Withdraw(session, session.Generation);
            }
        };
    }

    /// <summary>A carrier that the client has brought and on which it waits for the word to dial its resource.</summary>
    /// <exception cref="CarryException">The client is away, or did not come in time.</exception>
    public async Task<CarrierStream> CarryAsync(PipeEntry entry, string? route, CancellationToken ct)
    {
        var ticket = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TicketBytes));
        var order = new Order(entry);
        _open[ticket] = order;
        using var timeout = new CancellationTokenSource(_patience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, ct);
        try
        {
            await (entry.Node == _node.Name ? OrderHereAsync(entry, route, ticket, _nodes.Self).WaitAsync(either.Token) : OrderThereAsync(entry, route, ticket, either.Token));
            return await order.Arrival.WaitAsync(either.Token);
        }
        catch (Exception e) when (e is not CarryException)
        {
            order.Withdraw();
            ct.ThrowIfCancellationRequested();
            throw new CarryException(timeout.IsCancellationRequested ? CarryFailure.Late : CarryFailure.Away);
        }
        finally
        {
            _open.TryRemove(ticket, out _);
        }
    }

    /// <summary>Tells a client of this node to bring a carrier to the node where its visitor is.</summary>
    /// <exception cref="CarryException">It is away.</exception>
    public Task OrderHereAsync(PipeEntry entry, string? route, string ticket, NodeInfo visitors) => _sessions.Find(entry.Client, entry.Session)?.Link is { } link
        ? link.Client.Carry(new CarryOrder
        {
            Pipe = entry.Name,
            Generation = entry.Generation,
            Uri = new Uri(link.WayTo(visitors.Url), "data/carry?node=" + Uri.EscapeDataString(visitors.Name)).AbsoluteUri,
            Ticket = ticket,
            Route = route,
        })
        : throw new CarryException(CarryFailure.Away);

    private async Task OrderThereAsync(PipeEntry entry, string? route, string ticket, CancellationToken ct)
    {
        if (await _nodes.FindAsync(entry.Node, ct) is not { } owner)
        {
            throw new CarryException(CarryFailure.Elsewhere);
        }

        var answer = await _calls.AskAsync<CarryQuestion, CarryAnswer>(owner, CarryCall.Word, new(entry, ticket, route), ct);
        if (answer.Failure is { } failure)
        {
            throw new CarryException(failure);
        }
    }

    /// <summary>The registration that a ticket is for, while somebody waits for its carrier; null: none.</summary>
    public PipeEntry? Find(string? ticket) => ticket is not null && _open.TryGetValue(ticket, out var order) ? order.Entry : null;

    /// <summary>
    /// The order that a ticket is for, if the client who shows it is the pipe's owner; null in every other case, and the caller tells nobody which. One who
    /// shows another's ticket does not spoil it.
    /// </summary>
    public Order? Claim(string? ticket, string client) =>
        ticket is not null && _open.TryGetValue(ticket, out var order) && order.Entry.Client == client && _open.TryRemove(new(ticket, order)) ? order : null;

    /// <summary>Whoever waits for a carrier of what this registration was before a change waits in vain; with <paramref name="isOver"/>, for one of what it is as well.</summary>
    public void Withdraw(PipeEntry entry, bool isOver = false) => Withdraw(
        o => o.Entry.Name == entry.Name && o.Entry.Client == entry.Client && o.Entry.Session == entry.Session && (isOver ? !entry.IsBefore(o.Entry) : o.Entry.IsBefore(entry)),
        isOver ? CarryFailure.Away : CarryFailure.Elsewhere);

    private void Withdraw(Session session, long generation) =>
        Withdraw(o => o.Entry.Client == session.Client && o.Entry.Session == session.Id && o.Entry.Generation <= generation);

    private void Withdraw(Func<Order, bool> which, CarryFailure failure = CarryFailure.Away)
    {
        foreach (var (ticket, order) in _open)
        {
            if (which(order) && _open.TryRemove(new(ticket, order)))
            {
                order.Withdraw(failure);
            }
        }
    }

    /// <summary>One carrier that a client was asked for.</summary>
    internal sealed class Order(PipeEntry entry)
    {
        private readonly TaskCompletionSource<CarrierStream> _arrival = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public PipeEntry Entry => entry;

        public Task<CarrierStream> Arrival => _arrival.Task;

        /// <summary>Hands the carrier over; false: nobody waits for it any more.</summary>
        public bool TryDeliver(CarrierStream stream) => _arrival.TrySetResult(stream);

        /// <summary>Ends the wait; a carrier that came in the same moment is cut.</summary>
        public void Withdraw(CarryFailure failure = CarryFailure.Away)
        {
            if (!_arrival.TrySetException(new CarryException(failure)) && _arrival.Task.IsCompletedSuccessfully)
            {
                _arrival.Task.Result.Abort();
            }

            _ = _arrival.Task.Exception; // seen: when the visitor has gone, nobody else looks
        }
    }
}
