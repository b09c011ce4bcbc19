using CsCheck;
using Duplexity.Protocol;
using Duplexity.Reading;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Rooms;

/// <summary>Sockets, channels and the sets of who is where say the same, whatever happened before.</summary>
public sealed class PresenceAgreementTests
{
    private const int Sockets = 5;
    private const int Rooms = 3;

    private static readonly string[] Clients = ["amy", "ben", "amy", "cleo", "ben"];

    private static readonly Gen<(int Kind, int Socket, int Room)[]> Histories = Gen.Select(Gen.Int[0, 9], Gen.Int[0, Sockets - 1], Gen.Int[0, Rooms - 1]).Array[10, 60];

    [Fact]
    [Trait("Guarantee", "G23")]
    [Trait("Requirement", "1.12")]
    public async Task At_rest_the_set_equals_the_sockets_truly_open_every_folded_view_equals_the_set_and_counts_equal_lists()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o =>
        {
            o.Times.Presence = TimeSpan.FromMilliseconds(5);
            o.Times.Vacated = TimeSpan.FromMilliseconds(20);
            o.Times.PresenceCheck = TimeSpan.FromHours(1); // it takes who is on the way for one to mend
            o.Limits.NewChannelsPerHour = int.MaxValue;
            o.Limits.PresenceChanges = 10;
        });
        var (run, holes) = (0, 0);
        await Histories.SampleAsync(async history => Interlocked.Add(ref holes, await RunAsync(node, $"h{Interlocked.Increment(ref run)}", history)), iter: 60, threads: 2);

        holes.Should().BePositive("changes are lost on the way to who watches, and it has noticed");
        var channels = node.Services.GetRequiredService<ChannelIndex>();
        var presence = node.Services.GetRequiredService<RoomPresence>();
        await Task.WhenAll(node.Services.GetRequiredService<SocketIndex>().All.Select(s => s.Transport.Gone)).Soon();
        var set = node.Services.GetRequiredService<Duplexity.Server.Engine.IEngine>().Presence;
        for (var began = Environment.TickCount64; (await set.ListOwnAsync()).Count > 0 && Environment.TickCount64 - began < TestTimeout.Soon.TotalMilliseconds; await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(10)))
        {
            // The last ones are on their way out of it.
        }

        await presence.CheckAsync();
        node.Logs.Lines.Should().NotContain(e => e.Text.Contains("mended"), "nothing was left to mend");
        channels.Addresses.Where(a => a.Kind == AddressKind.Room).Should().BeEmpty("no socket is left");
    }

    [Fact]
    [Trait("Requirement", "1.12")]
    public async Task After_each_step_a_channel_knows_the_sockets_that_know_it_and_none_that_is_closed()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o =>
        {
            o.Times.Vacated = TimeSpan.Zero;
            o.Limits.NewChannelsPerHour = int.MaxValue;
        });
        var channels = node.Services.GetRequiredService<ChannelIndex>();
        var index = node.Services.GetRequiredService<SocketIndex>();
        await Histories.SampleAsync(
            async history =>
            {
                var sockets = new StockSocket?[Sockets];
                foreach (var (kind, i, room) in history)
                {
                    sockets[i] ??= await StockSocket.DataAsync(node, Clients[i]);
                    if (kind == 0)
                    {
                        var closed = index.Find(sockets[i]!.Id)!;
                        await sockets[i]!.DisposeAsync();
                        await closed.Transport.Gone.Soon();
                        sockets[i] = null;
                        continue;
                    }

                    await (kind < 6 ? (Task)sockets[i]!.JoinAsync($"room:{room}") : sockets[i]!.InvokeAsync<Done>("Leave", new LeaveRequest { Channel = $"room:{room}" }));
                    foreach (var socket in sockets.OfType<StockSocket>().Select(s => index.Find(s.Id)!))
                    {
                        foreach (var subscription in socket.Subscriptions)
                        {
                            channels.Subscriptions(subscription.Address).Should().Contain(subscription);
                        }
                    }

                    foreach (var address in channels.Addresses)
                    {
                        foreach (var subscription in channels.Subscriptions(address).Where(s => sockets.Any(o => o?.Id == s.Subscriber.SocketId)))
                        {
                            ((Socket)subscription.Subscriber).SubscriptionTo(address).Should().BeSameAs(subscription);
                        }
                    }
                }

                foreach (var socket in sockets.OfType<StockSocket>())
                {
                    var closed = index.Find(socket.Id)!;
                    await socket.DisposeAsync();
                    await closed.Transport.Gone.Soon();
                }
            },
            iter: 30,
            threads: 1);
    }

    /// <summary>Plays a history to somebody who watches and to whom one change in twenty does not come. How often it has noticed that.</summary>
    private static async Task<int> RunAsync(TestNode node, string name, (int Kind, int Socket, int Room)[] history)
    {
        var presence = node.Services.GetRequiredService<IEngine>().Presence;
        var index = node.Services.GetRequiredService<SocketIndex>();
        await using var watcher = await StockSocket.DataAsync(node, $"{name}-watcher");
        var told = watcher.Hear<PresenceChangedEvent>("PresenceChanged");
        var (views, fate, lost, holes) = (new Dictionary<string, PresenceView>(), new Random(history.Length), new HashSet<string>(), 0);
        for (var room = 0; room < Rooms; room++)
        {
            var channel = $"room:{name}-{room}";
            (await watcher.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = channel, Presence = true })).Presence.Should().BeTrue();
            views[channel] = new PresenceView();
            await AskAsync(watcher, channel, views[channel]);
        }

        var sockets = new Peer?[Sockets];
        var (pending, bells) = (new List<Task>(), new List<StockSocket>());
        foreach (var (kind, i, room) in history)
        {
            var peer = sockets[i] ??= await Peer.OpenAsync(node, $"{name}-{Clients[i]}", isRude: (kind + room) % 2 == 0);
            switch (kind)
            {
                case 0:
                    await peer.CloseAsync();
                    sockets[i] = null;
                    break;
                case 1:
                    // A hand-over: its successor joins before it leaves.
                    sockets[i] = await Peer.OpenAsync(node, $"{name}-{Clients[i]}", isRude: room == 0);
                    pending.Add(sockets[i]!.CallAsync("Join", $"room:{name}-{room}"));
                    await peer.CloseAsync();
                    break;
                case < 6:
                    pending.Add(peer.CallAsync("Join", $"room:{name}-{room}"));
                    break;
                default:
                    pending.Add(peer.CallAsync("Leave", $"room:{name}-{room}"));
                    break;
            }
        }

        foreach (var peer in sockets.OfType<Peer>().Skip(2))
        {
            await peer.CloseAsync();
        }

        await Task.WhenAll(pending).Soon();
        foreach (var (channel, view) in views)
        {
            while (!await IsAtRestAsync(channel, view))
            {
                if (!told.TryRead(out var next))
                {
                    if (lost.Remove(channel))
                    {
                        // The last change may be the lost one, and a hole shows with the next.
                        await RingAsync(channel);
                    }

                    next = await told.ReadAsync().Soon();
                }

                if (fate.Next(20) == 0)
                {
                    lost.Add(next.Channel);
                    continue;
                }

                if (!views[next.Channel].TryApply(next, out _))
                {
                    holes++;
                    await AskAsync(watcher, next.Channel, views[next.Channel]);
                }
            }

            var list = await watcher.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = channel });
            list.Count.Should().Be(list.Members!.Length);
        }

        foreach (var peer in sockets.OfType<Peer>().Take(2))
        {
            await peer.CloseAsync();
        }

        foreach (var bell in bells)
        {
            await bell.DisposeAsync();
        }

        return holes;

        async Task RingAsync(string channel)
        {
            bells.Add(await StockSocket.DataAsync(node, $"{name}-bell"));
            await bells[^1].JoinAsync(channel);
        }

        // The view equals the set, and the set equals what the sockets say, which is asked behind it: a change in between shows as another event.
        async Task<bool> IsAtRestAsync(string channel, PresenceView view)
        {
            var address = Address.Parse(channel);
            var set = (await presence.ReadAsync(address)).Members;
            var open = index.All.SelectMany(s => s.Identities.Clients.Where(c => s.Listens(address, c)).Select(c => (c, s.Id))).Order(PresenceOrder.Instance);
            return set.SequenceEqual(open) && view.Now().Members.SelectMany(m => m.Sockets.Select(s => (m.Client, s))).SequenceEqual(set);
        }
    }

    private static async Task AskAsync(StockSocket watcher, string channel, PresenceView view)
    {
        var all = await watcher.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = channel });
        view.Replace(all.Version!.Value, all.Members!);
    }

    /// <summary>A socket that ends politely, or by a reset in the middle of what it asked for.</summary>
    private sealed class Peer(StockSocket? polite, RawHub? rude)
    {
        public static async Task<Peer> OpenAsync(TestNode node, string client, bool isRude) => isRude
            ? new(null, await RawHub.ConnectAsync(node, "data", node.Token(client)))
            : new(await StockSocket.DataAsync(node, client), null);

        public Task CallAsync(string method, string channel) => rude is not null
            ? IgnoreEndAsync(rude.InvokeAsync(method, new { channel }))
            : IgnoreEndAsync(method == "Join"
                ? (Task)polite!.InvokeAsync<JoinResponse>(method, new JoinRequest { Channel = channel })
                : polite!.InvokeAsync<Done>(method, new LeaveRequest { Channel = channel }));

        public async Task CloseAsync()
        {
            rude?.Wire.Reset();
            await (polite?.DisposeAsync() ?? default);
        }

        private static async Task IgnoreEndAsync(Task call)
        {
            try
            {
                await call;
            }
            catch (Exception e) when (e is not TimeoutException)
            {
                // The socket was closed under it.
            }
        }
    }
}
