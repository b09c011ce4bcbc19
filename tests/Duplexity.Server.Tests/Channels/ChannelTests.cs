using CsCheck;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Tests.Pipes;
using FluentAssertions;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using ChannelSubscription = Duplexity.Server.Channels.Subscription;

namespace Duplexity.Server.Tests.Channels;

public sealed class ChannelTests
{
    [Fact]
    [Trait("Requirement", "1.6")]
    [Trait("Requirement", "1.11")]
    public async Task Only_who_listens_hears_and_every_listener_hears_the_same_order()
    {
        var rig = new PipeRig();
        var first = await rig.ListenAsync("room:lobby", "amy");
        var second = await rig.ListenAsync("room:lobby", "ben");
        var elsewhere = await rig.ListenAsync("room:hall", "cid");

        await Task.WhenAll(Enumerable.Range(0, 8).Select(w => Task.Run(async () =>
        {
            for (var i = 0; i < 200; i++)
            {
                await rig.Machine.SendAsync(PipeRig.As("dan"), PipeRig.Text($"{w}:{i}", "room:lobby"));
            }
        })));

        var heard = await first.TextsAsync(1600);
        (await second.TextsAsync(1600)).Should().Equal(heard);
        foreach (var writer in heard.GroupBy(t => t![0]))
        {
            writer.Should().Equal(Enumerable.Range(0, 200).Select(i => $"{writer.Key}:{i}"));
        }

        elsewhere.HasNothing.Should().BeTrue();
    }

    [Fact]
    [Trait("Guarantee", "G9")]
    public async Task A_join_at_a_place_in_the_middle_of_traffic_misses_nothing_and_repeats_nothing()
    {
        var rig = new PipeRig();
        var address = Address.Room("lobby");
        await rig.Machine.SendAsync(PipeRig.As("dan"), PipeRig.Text("1", "room:lobby"));
        var since = await rig.Engine.Log.TopAsync(address);
        var writer = Task.Run(async () =>
        {
            for (var i = 2; i <= 3000; i++)
            {
                await rig.Machine.SendAsync(PipeRig.As("dan"), PipeRig.Text($"{i}", "room:lobby"));
            }
        });

        var listeners = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Task.Run(() => rig.ListenAsync("room:lobby", "amy", since: since))));
        await writer;

        foreach (var listener in listeners)
        {
            (await listener.TextsAsync(2999)).Should().Equal(Enumerable.Range(2, 2999).Select(i => $"{i}"));
            listener.HasNothing.Should().BeTrue();
        }
    }

    [Fact]
    public async Task Hints_that_come_out_of_order_or_not_at_all_leave_no_hole()
    {
        var rig = new PipeRig();
        var engine = new EmbeddedEngine(rig.Time, Microsoft.Extensions.Options.Options.Create(new DuplexityOptions()), NullLogger<EmbeddedEngine>.Instance);
        var channels = new ChannelIndex(engine, new DuplexityOptions(), rig.Time, NullLogger<ChannelIndex>.Instance);
        engine.Attach(new LossyHandler(channels));
        var hearing = new PipeRig.Listener("s");
        var subscription = channels.Add(Address.Room("lobby"), hearing, ["amy"], Position.Start);
        hearing.Subscription = subscription;
        await subscription.Channel.CatchUpAsync(subscription);

        for (var i = 1; i <= 100; i++)
        {
            await engine.Log.AppendAsync(new AppendRequest(Message($"{i}", Address.Room("lobby"))));
        }

        // The last hint always arrives (the 100th is not one that is lost); all before it are read from the log.
        (await hearing.TextsAsync(100)).Should().Equal(Enumerable.Range(1, 100).Select(i => $"{i}"));
        hearing.HasNothing.Should().BeTrue();
    }

    [Fact]
    [Trait("Requirement", "1.12")]
    public void Channels_and_sockets_agree_both_ways_after_every_step_and_nothing_is_left_at_the_end() =>
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, 5], Gen.Bool).Array[1, 200].Sample(steps =>
        {
            var rig = new PipeRig();
            var listeners = Enumerable.Range(0, 6).Select(i => new PipeRig.Listener($"s{i}")).ToArray();
            var held = new Dictionary<(int Socket, int Room), ChannelSubscription>();
            foreach (var (socket, room, joins) in steps)
            {
                if (joins && !held.ContainsKey((socket, room)))
                {
                    held[(socket, room)] = rig.Channels.Add(Address.Room($"r{room}"), listeners[socket], ["amy"], Position.Start);
                }
                else if (!joins && held.Remove((socket, room), out var subscription))
                {
                    rig.Channels.Remove(subscription);
                }

                for (var r = 0; r < 6; r++)
                {
                    rig.Channels.Subscriptions(Address.Room($"r{r}")).Select(s => s.Subscriber.SocketId)
                        .Should().BeEquivalentTo(held.Keys.Where(k => k.Room == r).Select(k => $"s{k.Socket}"));
                }
            }

            foreach (var subscription in held.Values)
            {
                rig.Channels.Remove(subscription);
            }

            rig.Channels.Count.Should().Be(0);
        }, iter: 200);

    private static StoredMessage Message(string text, params Address[] to) =>
        new() { Id = text, FromClient = "dan", SentAt = DateTimeOffset.UnixEpoch, Text = text, Destinations = to };

    /// <summary>Loses two hints of three, and every tenth comes before its time is due: what a bus may do.</summary>
    private sealed class LossyHandler(IEngineHandler inner) : IEngineHandler
    {
        private LogEntry? _held;

        public void OnAppended(LogEntry entry)
        {
            if (entry.Position.Offset % 10 == 5)
            {
                _held = entry;
            }
            else if (entry.Position.Offset % 3 == 1)
            {
                inner.OnAppended(entry);
                if (_held is { } late)
                {
                    inner.OnAppended(late);
                    _held = null;
                }
            }
        }
    }
}
