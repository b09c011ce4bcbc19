using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Bounds;

/// <summary>What calls about messages and channels may ask for: each bound is driven over its edge while others are served, the refusal names it, and the node keeps nothing of it (G24).</summary>
[Trait("Guarantee", "G24")]
public sealed class MessageBoundTests
{
    [Fact]
    public async Task Addresses_destinations_and_headers_beyond_their_bounds_are_refused_by_name_and_leave_no_channel()
    {
        await using var node = await TestNode.StartAsync();
        await using var neighbours = await Neighbours.StartAsync(node);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        var before = node.Services.GetRequiredService<ChannelIndex>().Addresses.ToHashSet();
        var tooLong = $"room:{new string('x', 251)}";

        await neighbours.AreServedWhileAsync(async () =>
        {
            var sent = await amy.SendAsync("x", tooLong);
            (sent.Error!.Name, sent.Destinations!.Single().Error!.Sentence).Should().Be(("invalid_address", sent.Error.Sentence));
            sent.Error.Sentence.Should().Contain("255").And.Contain("256");
            (await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = tooLong })).Error!.Name.Should().Be("invalid_address");
            (await amy.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = tooLong })).Error!.Name.Should().Be("invalid_address");
            (await amy.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = tooLong })).Error!.Name.Should().Be("invalid_address");

            var many = await amy.SendAsync("x", [.. Enumerable.Range(0, 101).Select(i => $"room:many-{i}")]);
            many.Error.Should().BeEquivalentTo(new { Name = "invalid_request", Limit = "destinations", Used = 101L });
            many.Destinations.Should().BeNull();

            var headers = await amy.InvokeAsync<SendResponse>("Send", new SendRequest { To = ["room:headers"], Text = "x", Headers = new() { ["h"] = new string('x', 4096) } });
            headers.Error.Should().BeEquivalentTo(new { Name = "message_too_large", Limit = "header_bytes", Used = 4097L });
        });

        node.Services.GetRequiredService<ChannelIndex>().Addresses.Should().BeEquivalentTo(before);
        (await TopsAsync(node, [.. Enumerable.Range(0, 101).Select(i => Address.Room($"many-{i}")), Address.Room("headers")])).Should().OnlyContain(top => top == Position.Start);
    }

    [Fact]
    public async Task A_hundred_destinations_are_taken_in_one_step()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");

        var receipt = await amy.SendAsync("x", [.. Enumerable.Range(0, 100).Select(i => $"room:{i}")]);

        receipt.Error.Should().BeNull();
        receipt.Destinations.Should().HaveCount(100).And.OnlyContain(d => d.Error == null && d.Position!.Offset == 1);
    }

    [Fact]
    public async Task Channels_beyond_those_a_client_may_bring_into_being_are_not_there_afterwards()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.NewChannelsPerHour = 3);
        await using var neighbours = await Neighbours.StartAsync(node);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        var made = 0;

        await neighbours.AreServedWhileAsync(async () =>
        {
            var (first, last) = (made, made += 20);
            for (var i = first; i < last; i++)
            {
                var sent = await amy.SendAsync("x", $"room:new-{i}");
                (sent.Error?.Limit, sent.Error?.Used, sent.Error?.RetryAfterMs > 0).Should().Be(i < 2 ? (null, null, false) : ("new_channels_per_hour", 3, true));
                var joined = await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = $"room:joined-{i}" });
                (joined.Error?.Limit).Should().Be(i < 1 ? null : "new_channels_per_hour");
            }
        });

        (await TopsAsync(node, [.. Enumerable.Range(0, made).Select(i => Address.Room($"new-{i}"))])).Count(top => top != Position.Start).Should().Be(2);
        node.Services.GetRequiredService<ChannelIndex>().Addresses.Where(a => a.Name.StartsWith("joined-")).Should().Equal(Address.Room("joined-0"));
    }

    [Fact]
    public async Task A_socket_listens_to_as_many_channels_as_it_may_and_the_next_join_is_refused_by_name_of_the_limit()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.ChannelsPerSocket = 5);
        await using var neighbours = await Neighbours.StartAsync(node);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        for (var i = 0; i < 3; i++)
        {
            await amy.JoinAsync($"room:{i}");
        }

        await neighbours.AreServedWhileAsync(async () =>
        {
            var more = await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:more" });
            more.Error.Should().BeEquivalentTo(new { Name = "too_many_channels", Limit = "channels_per_socket", Used = 5L });
        });

        node.Services.GetRequiredService<ChannelIndex>().Addresses.Should().NotContain(Address.Room("more"));
        await amy.InvokeAsync<Done>("Leave", new LeaveRequest { Channel = "room:0" });
        await amy.JoinAsync("room:more");
    }

    [Theory]
    [InlineData("")]
    [InlineData("data")]
    public async Task A_page_is_no_larger_than_a_mebibyte_whatever_makes_the_messages_large_and_the_next_one_goes_on(string data)
    {
        await using var node = await TestNode.StartAsync(s => s.Settings["Duplexity:Data"] = data);
        await using var neighbours = await Neighbours.StartAsync(node);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        var headers = new Dictionary<string, string> { ["h"] = new string('x', 4000) };
        await Task.WhenAll(Enumerable.Range(0, 600).Select(i => amy.InvokeAsync<SendResponse>("Send", new SendRequest { To = ["room:large"], Text = $"{i}", Headers = headers })));

        await neighbours.AreServedWhileAsync(async () =>
        {
            foreach (var reverse in (bool[])[false, true])
            {
                var read = new List<string?>();
                Position? since = null;
                do
                {
                    var page = await amy.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:large", Since = since, Limit = 1000, Reverse = reverse });
                    page.Messages!.Sum(m => m.Text!.Length + m.Headers!.Sum(h => h.Key.Length + h.Value.Length)).Should().BeLessThan(1024 * 1024 + 5_000);
                    read.AddRange(page.Messages!.Select(m => m.Text));
                    since = page.Next;
                }
                while (since is not null);
                read.Should().Equal(reverse ? Enumerable.Range(0, 600).Reverse().Select(i => $"{i}") : Enumerable.Range(0, 600).Select(i => $"{i}"));
            }

            (await amy.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:large", Limit = 1001 })).Error!.Sentence.Should().Contain("1000");
        });
    }

    [Fact]
    public async Task The_last_messages_that_a_join_asks_for_all_come_though_they_are_more_than_a_page()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => amy.SendAsync($"{i} {new string('x', 50_000)}", "room:large")));

        await ben.JoinAsync("room:large", last: 45);

        (await ben.TextsAsync(45)).Select(text => int.Parse(text![..text!.IndexOf(' ')])).Should().Equal(Enumerable.Range(5, 45));
        (await ben.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:large", Last = 1001 })).Error!.Sentence.Should().Contain("1000");
    }

    [Fact]
    public async Task Calls_beyond_those_that_run_at_once_wait_unread_and_all_are_answered()
    {
        var (running, eight, open) = (0, new TaskCompletionSource(), new TaskCompletionSource());
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Options = o => (o.Limits.InvocationsPerSocket, o.Times.Gate) = (8, TestTimeout.Long);
            s.Builder = builder => builder.AddGate(Step.Entry, "room:slow-*", async _ =>
            {
                if (Interlocked.Increment(ref running) == 8)
                {
                    eight.SetResult();
                }

                await open.Task;
                return GateResult.Pass;
            });
        });
        await using var neighbours = await Neighbours.StartAsync(node);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");

        var joins = Enumerable.Range(0, 50).Select(i => amy.Hub.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = $"room:slow-{i}" })).ToArray();
        await eight.Task.Soon();
        await neighbours.AreServedWhileAsync(() => ben.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:quiet" }));
        Volatile.Read(ref running).Should().Be(8, "no further one has begun");
        open.SetResult();

        (await Task.WhenAll(joins).Soon()).Should().OnlyContain(j => j.Error == null);
    }

    [Fact]
    public async Task A_socket_is_asked_so_many_questions_about_listening_and_the_next_one_is_refused_by_name_of_the_limit()
    {
        await using var node = await TestNode.StartAsync(s => s.Builder = builder => builder.AddGate(Step.Entry, "room:safe-*", _ => new(GateResult.Hold(ChallengeKind.Key, "Which key?")), "safe"));
        await using var neighbours = await Neighbours.StartAsync(node);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        var asked = amy.Hear<ChallengeEvent>("Challenge");
        for (var i = 0; i < 32; i++)
        {
            (await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = $"room:safe-{i}" })).Error!.Name.Should().Be("challenged");
        }

        await neighbours.AreServedWhileAsync(async () =>
        {
            var more = await amy.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "room:safe-more" });
            more.Error.Should().BeEquivalentTo(new { Name = "rate_limited", Limit = "challenges", Used = 32L, Gate = "safe" });
        });

        var questions = new List<string>();
        for (var i = 0; i < 32; i++)
        {
            questions.Add((await asked.ReadAsync().Soon()).Id);
        }

        questions.Should().OnlyHaveUniqueItems();
        asked.TryRead(out _).Should().BeFalse();
    }

    [Fact]
    public async Task An_own_key_too_many_pushes_out_the_clients_own_oldest_one_and_nobody_elses()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.IdempotencyKeysPerClient = 10);
        await using var neighbours = await Neighbours.StartAsync(node);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        Task<SendResponse> KeyedAsync(StockSocket socket, string key) => socket.InvokeAsync<SendResponse>("Send", new SendRequest { To = ["room:keys"], Text = key, IdempotencyKey = key });
        var bens = await KeyedAsync(ben, "0");
        var used = 0;

        await neighbours.AreServedWhileAsync(async () =>
        {
            for (var i = 0; i < 20; i++)
            {
                (await KeyedAsync(amy, $"{used++}")).Error.Should().BeNull();
            }
        });

        var top = (await TopsAsync(node, [Address.Room("keys")])).Single().Offset;
        (await KeyedAsync(ben, "0")).MessageId.Should().Be(bens.MessageId);
        (await KeyedAsync(amy, $"{used - 10}")).Destinations![0].Position!.Offset.Should().Be(top - 9);
        (await KeyedAsync(amy, $"{used - 11}")).Destinations![0].Position!.Offset.Should().Be(top + 1);
    }

    [Fact]
    public async Task Rooms_lockspaces_and_guests_that_an_owner_may_have_are_bounded_and_the_refusal_names_which()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => (o.Limits.RoomsPerOwner, o.Locks.SpacesPerClient) = (2, 2));
        await using var neighbours = await Neighbours.StartAsync(node);
        await using var control = await StockSocket.DiscoveredAsync(node, "amy");
        for (var i = 0; i < 2; i++)
        {
            (await control.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = $"r{i}" })).Error.Should().BeNull();
            (await control.InvokeAsync<Done>("CreateLockspace", new CreateLockspaceRequest { Name = $"s{i}", Hold = true })).Error.Should().BeNull();
        }

        for (var i = 0; i < 1_000; i++)
        {
            (await control.InvokeAsync<HeldResponse>("Admit", new AdmitRequest { Lockspace = "s0", Client = $"guest-{i}" })).Error.Should().BeNull();
        }

        await neighbours.AreServedWhileAsync(async () =>
        {
            (await control.InvokeAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "more" })).Error.Should().BeEquivalentTo(new { Name = "too_many_channels", Limit = "rooms_per_owner", Used = 2L });
            (await control.InvokeAsync<Done>("CreateLockspace", new CreateLockspaceRequest { Name = "more" })).Error.Should().BeEquivalentTo(new { Name = "too_many_lockspaces", Limit = "lockspaces_per_client", Used = 2L });
            (await control.InvokeAsync<HeldResponse>("Admit", new AdmitRequest { Lockspace = "s0", Client = "guest-more" })).Error.Should().BeEquivalentTo(new { Limit = "admitted_per_lockspace", Used = 1000L });
        });

        node.Services.GetRequiredService<Server.Pipes.RoomBook>().CountOf("amy").Should().Be(2);
        node.Services.GetRequiredService<Server.Channels.Lockspaces>().MadeBy("amy").Should().HaveCount(2);
    }

    [Fact]
    public async Task Locks_that_a_client_holds_and_requests_that_wait_for_one_are_bounded_and_the_refusal_names_which()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => (o.Locks.PerClient, o.Locks.Waiters) = (3, 2));
        await using var neighbours = await Neighbours.StartAsync(node);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        Task<AcquireLockResponse> AcquireAsync(StockSocket socket, string name) => socket.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "board", Name = name, WaitMs = 60_000 });
        for (var i = 0; i < 3; i++)
        {
            (await AcquireAsync(amy, $"card-{i}")).State.Should().Be(LockState.Granted);
        }

        for (var i = 0; i < 2; i++)
        {
            (await AcquireAsync(ben, "card-0")).State.Should().Be(LockState.Queued);
        }

        await neighbours.AreServedWhileAsync(async () =>
        {
            (await AcquireAsync(amy, "card-more")).Error.Should().BeEquivalentTo(new { Name = "too_many_locks", Limit = "locks_per_client", Used = 3L });
            (await AcquireAsync(ben, "card-0")).Error.Should().BeEquivalentTo(new { Name = "too_many_locks", Limit = "lock_waiters", Used = 2L });
        });

        (await AcquireAsync(ben, "card-more")).State.Should().Be(LockState.Granted, "the refusal of hers took nothing");
    }

    private static async Task<Position[]> TopsAsync(TestNode node, Address[] channels)
    {
        var log = node.Services.GetRequiredService<IEngine>().Log;
        return await Task.WhenAll(channels.Select(c => log.TopAsync(c).AsTask()));
    }
}
