using System.Diagnostics;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Tests.Graph;

/// <summary>What happens in a history of messages.</summary>
internal enum MessageHappening
{
    Join,
    Leave,
    Authenticate,
    Drop,
    MakePrimary,
    SetPipe,
    Send,
    Emit,
    SendTogether,
}

/// <summary>One step: what happens, on which socket, as which client, and to which of the channels, a bit each.</summary>
internal readonly record struct MessageStep(MessageHappening What, int Socket, int Client, int Channels);

/// <summary>
/// One history of messages to rooms, inboxes, sockets and feeds, alone and at once, while sockets hold several clients that join the same channels, and clients' pipes carry on what comes. Whenever it is quiet,
/// what each socket was told is compared with the logs: of each message that reaches it one copy, under the first destination that does; in each channel the order of the log; and each copy says which place it follows.
/// </summary>
internal sealed class DeliveryHistory
{
    private const int Sockets = 4;

    private readonly MemoryNode _node;
    private readonly string[] _clients;
    private readonly Address[] _rooms;
    private readonly MemorySocket[] _sockets = new MemorySocket[Sockets];
    private readonly Address[] _channels;
    private readonly List<Address> _logs;
    private readonly Dictionary<Address, Position> _read = [];
    private readonly Dictionary<(MemorySocket, string Channel), long> _told = [];
    private readonly int[] _seen = new int[Sockets];
    private readonly Dictionary<int, List<string>> _sent = [];
    private int _texts;

    public DeliveryHistory(MemoryNode node)
    {
        _node = node;
        var number = node.NextNumber();
        _clients = [$"amy{number}", $"ben{number}", $"cleo{number}"];
        _rooms = [.. Enumerable.Range(0, 4).Select(i => Address.Room($"{i}-{number}"))];
        _channels = [.. _rooms, .. _clients.Select(Address.Client), .. new Address[Sockets]];
        _logs = [.. _rooms, .. _clients.Select(Address.Client), .. _clients.Select(Address.Feed)];
    }

    /// <summary>How many copies came, and how many were withheld because another destination had brought the message.</summary>
    public (int Copies, int Overlaps) Count { get; private set; }

    public async Task PlayAsync(MessageStep[] steps)
    {
        for (var i = 0; i < Sockets; i++)
        {
            _sockets[i] = await _node.OpenAsync(_node.IdentityOf(_clients[i % _clients.Length]));
            _channels[_rooms.Length + _clients.Length + i] = Address.Socket(_sockets[i].Id);
            _logs.Add(Address.Socket(_sockets[i].Id));
        }

        await BeginAsync();
        foreach (var step in steps)
        {
            var (socket, client) = (_sockets[step.Socket], _clients[step.Client]);
            if (step.What < MessageHappening.Send)
            {
                await SettleAsync();
                await ChangeAsync(step.What, socket, client, step.Channels);
                await BeginAsync();
            }
            else if (step.What == MessageHappening.SendTogether)
            {
                await Task.WhenAll(Enumerable.Range(0, Sockets).Select(i => Task.Run(() => SendManyAsync(i, step.Channels))));
            }
            else if (socket.Held(client) is not null)
            {
                var answer = step.What == MessageHappening.Emit ? await socket.EmitAsync(client, Text(step.Socket)) : await socket.SendAsync(client, Text(step.Socket), To(step.Channels));
                Check(answer.Error is null, $"{step}: {answer.Error?.Sentence}");
            }
        }

        await SettleAsync();
        await CheckLogsAsync();
        await _node.Pipes.RemoveAsync(_clients[0], null, default);
        await Task.WhenAll(_sockets.Select(s => s.CloseAsync(isLost: false)));
    }

    private async Task SendManyAsync(int at, int channels)
    {
        var client = _sockets[at].Socket.Primary;
        for (var i = 0; i < 2; i++)
        {
            // Another set of channels each time, two of them at least in common with the other senders'.
            await _sockets[at].SendAsync(client, Text(at), To(channels ^ (1 << ((at + i) % 7))));
        }
    }

    private string Text(int socket)
    {
        var text = $"{Interlocked.Increment(ref _texts)}";
        lock (_sent)
        {
            (_sent.TryGetValue(socket, out var sent) ? sent : _sent[socket] = []).Add(text);
        }

        return text;
    }

    private IEnumerable<Address> To(int channels)
    {
        var some = _channels.Where((_, i) => (channels & (1 << i)) != 0).DefaultIfEmpty(_channels[0]);
        return (channels & 1) == 0 ? some : some.Reverse();
    }

    private async Task ChangeAsync(MessageHappening what, MemorySocket socket, string client, int channels)
    {
        switch (what)
        {
            case MessageHappening.Join:
                foreach (var channel in To(channels).Where(c => c.Kind == AddressKind.Room).Append(Address.Client(client)).Append(Address.Feed(_clients[channels % _clients.Length])))
                {
                    // Behind the inbox's past, which would come as a second copy of what a room has brought.
                    await socket.JoinAsync(client, channel, channel.Kind == AddressKind.Client ? await _node.Engine.Log.TopAsync(channel) : null);
                }

                break;
            case MessageHappening.Leave:
                foreach (var channel in To(channels))
                {
                    await socket.LeaveAsync(client, channel);
                }

                break;
            case MessageHappening.Authenticate:
                await socket.AuthenticateAsync(_node.IdentityOf(client));
                break;
            case MessageHappening.Drop when socket.Socket.Identities.Clients.Length > 1:
                await socket.DropAsync(client);
                break;
            case MessageHappening.MakePrimary:
                socket.Socket.Identities.MakePrimary(client);
                break;
            case MessageHappening.SetPipe:
                Address[] to = [.. To(channels).Where(c => c.Kind != AddressKind.Socket)];
                var from = _rooms.FirstOrDefault(r => !to.Contains(r));
                if (from != default && to.Length > 0)
                {
                    var pipe = new MessagePipe { From = from.ToString(), To = [.. to.Select(a => a.ToString())] };
                    var set = await _node.Pipes.SetAsync(_clients[0], PipeOwners.GrantOf(_node.IdentityOf(_clients[0])), [pipe], default);
                    Check(set.Error is null, set.Error?.Sentence);
                }

                break;
        }
    }

    /// <summary>From here on everything is checked: it is quiet, and each socket knows the places that it was told.</summary>
    private async Task BeginAsync()
    {
        foreach (var log in _logs)
        {
            _read[log] = await _node.Engine.Log.TopAsync(log);
        }

        _told.Clear();
        for (var i = 0; i < Sockets; i++)
        {
            foreach (var subscription in _sockets[i].Socket.Subscriptions)
            {
                await MemoryNode.AgreeAsync(() => new(subscription.IsLive ? null : $"{subscription.Address} does not go live."));
            }

            await _sockets[i].Socket.Queue.PassAsync();
            Check(_sockets[i].Told().Count == _seen[i], "a change of who listens brings nothing");
            foreach (var subscription in _sockets[i].Socket.Subscriptions)
            {
                _told[(_sockets[i], subscription.Address.ToString())] = subscription.Told.Offset;
            }
        }
    }

    /// <summary>Waits until pipes and sockets have come to the ends of the logs, and compares.</summary>
    private async Task SettleAsync()
    {
        await MemoryNode.AgreeAsync(async () =>
        {
            var before = await TopsAsync();
            return await BehindAsync() ?? (await TopsAsync() == before ? null : "The logs go on growing.");
        });
        var messages = new Dictionary<string, StoredMessage>();
        foreach (var log in _logs)
        {
            foreach (var entry in (await _node.Engine.Log.ReadAsync(log, _read[log], int.MaxValue)).Entries)
            {
                messages[entry.Message.Id] = entry.Message;
            }
        }

        for (var i = 0; i < Sockets; i++)
        {
            await _sockets[i].Socket.Queue.PassAsync();
            var told = _sockets[i].Told();
            CheckSocket(_sockets[i], messages, [.. told.Skip(_seen[i])]);
            _seen[i] = told.Count;
        }

        await BeginAsync();
    }

    private void CheckSocket(MemorySocket end, Dictionary<string, StoredMessage> messages, object[] told)
    {
        var socket = end.Socket;
        var copies = told.OfType<DeliveredMessage>().ToLookup(m => m.Id);
        foreach (var message in messages.Values)
        {
            var reaching = message.FromSocket == socket.Id ? [] : message.Destinations.Where(d => socket.SubscriptionTo(d) is not null).ToArray();
            string[] came = [.. copies[message.Id].Select(m => m.Channel)];
            Check(came.SequenceEqual(reaching.Take(1).Select(d => d.ToString())), $"{message.Text} to {string.Join(" ", message.Destinations)} came to {socket.Id} as [{string.Join(" ", came)}], and not once under the first of [{string.Join(" ", reaching)}]");
            Count = (Count.Copies + came.Length, Count.Overlaps + Math.Max(0, reaching.Length - 1));
        }

        Check(copies.All(c => messages.ContainsKey(c.Key)), "nothing comes that was not sent");
        foreach (var one in told)
        {
            var (channel, after, place) = one is DeliveredMessage m ? (m.Channel, m.After?.Offset ?? m.Position.Offset - 1, m.Position) : one is AdvancedEvent a ? (a.Channel, a.After.Offset, a.Through) : throw new UnreachableException();
            Check(_told[(end, channel)] == after && place.Offset > after, $"{socket.Id} was told {channel} up to {_told[(end, channel)]}, then {place} behind {after}");
            _told[(end, channel)] = place.Offset;
            Check(one is not DeliveredMessage got || socket.SubscriptionTo(Address.Parse(channel))!.Clients.Contains(got.For ?? socket.Primary), $"{channel} came for somebody who does not listen");
        }
    }

    /// <summary>Each sender's messages are in every log in the order in which they were sent, and what several logs have in common stands in one order in all of them.</summary>
    private async Task CheckLogsAsync()
    {
        var logs = new List<string[]>();
        foreach (var log in _logs)
        {
            string[] ids = [.. (await _node.Engine.Log.ReadAsync(log, null, int.MaxValue)).Entries.Where(e => e.Message.Path is null).Select(e => e.Message.Text!)];
            Check(ids.Distinct().Count() == ids.Length, $"{log} has a message twice");
            foreach (var sent in _sent.Values)
            {
                Check(ids.Where(sent.Contains).SequenceEqual(sent.Where(ids.Contains)), $"{log} has a sender's messages in another order");
            }

            foreach (var other in logs)
            {
                Check(ids.Where(other.Contains).SequenceEqual(other.Where(ids.Contains)), $"{log} and another one have what they share in two orders");
            }

            logs.Add(ids);
        }
    }

    private async Task<string> TopsAsync()
    {
        var tops = "";
        foreach (var log in _logs)
        {
            tops += $"{(await _node.Engine.Log.TopAsync(log)).Offset} ";
        }

        return tops;
    }

    private async ValueTask<string?> BehindAsync()
    {
        foreach (var pipe in await _node.Pipes.ListAsync(_clients[0], default))
        {
            if (pipe.Place != await _node.Engine.Log.TopAsync(Address.Parse(pipe.From!)))
            {
                return $"The pipe {pipe.From} → {string.Join(" ", pipe.To!)} stands at {pipe.Place}.";
            }
        }

        foreach (var subscription in _sockets.SelectMany(s => s.Socket.Subscriptions))
        {
            if (subscription.Passed.Offset != (await _node.Engine.Log.TopAsync(subscription.Address)).Offset)
            {
                return $"{subscription.Subscriber.SocketId} has come to {subscription.Passed} of {subscription.Address}.";
            }
        }

        return null;
    }

    private static void Check(bool isTrue, string? what)
    {
        if (!isTrue)
        {
            throw new InvalidOperationException(what);
        }
    }
}
