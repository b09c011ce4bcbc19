using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>One socket, several verified clients (1.4): each with its own token, rooms, limits and end.</summary>
public sealed class IdentityTests
{
    [Fact]
    [Trait("Requirement", "1.4")]
    [Trait("Requirement", "1.7")]
    public async Task A_socket_is_ben_and_amy_and_sends_as_each()
    {
        await using var node = await TestNode.StartAsync();
        await using var socket = await StockSocket.DataAsync(node, "ben");
        await using var reader = await StockSocket.DataAsync(node, "cleo");
        await reader.JoinAsync("room:lobby");
        var changes = socket.Hear<IdentitiesChangedEvent>("IdentitiesChanged");

        var amy = await socket.AuthenticateAsync(node.Token("amy"));
        await socket.SendAsAsync("amy", "from amy", "room:lobby");
        await socket.SendAsAsync("ben", "from ben", "room:lobby");
        await socket.SendAsAsync(null, "from the primary one", "room:lobby");
        var first = await reader.NextAsync();
        var second = await reader.NextAsync();
        var third = await reader.NextAsync();

        amy.Should().BeEquivalentTo(new { Client = "amy", IsPrimary = false });
        (await changes.ReadAsync().Soon()).Should().BeEquivalentTo(new IdentitiesChangedEvent { Clients = ["ben", "amy"], Client = "amy", Change = "added" });
        new[] { first, second, third }.Select(m => m.From).Should().Equal(
            new Origin { Client = "amy", Socket = socket.Id }, new Origin { Client = "ben", Socket = socket.Id }, new Origin { Client = "ben", Socket = socket.Id });
    }

    [Fact]
    [Trait("Requirement", "1.4")]
    public async Task A_wrong_credential_changes_nothing()
    {
        await using var node = await TestNode.StartAsync();
        await using var socket = await StockSocket.DataAsync(node, "ben");
        await socket.AuthenticateAsync(node.Token("amy"));
        var stranger = new TestIssuer(secret: new string('x', 40)).Token("cleo", node.Time.GetUtcNow(), TimeSpan.FromHours(1));

        foreach (var token in (string?[])["nonsense", null, "", stranger, node.Token("cleo", TimeSpan.FromSeconds(-60))])
        {
            var answer = await socket.InvokeAsync<IdentityResponse>("Authenticate", new AuthenticateRequest { Token = token });
            answer.Error.Should().BeEquivalentTo(new { Code = 207, Name = "token_refused", Sentence = "The token was refused; get another one." });
        }

        (await socket.SendAsAsync("amy", "still here", "client:cleo")).Error.Should().BeNull();
        (await socket.SendAsAsync("ben", "still here", "client:cleo")).Error.Should().BeNull();
        (await socket.SendAsAsync("cleo", "not me", "client:amy")).Error!.Code.Should().Be(201);
    }

    [Fact]
    [Trait("Requirement", "1.4")]
    [Trait("Guarantee", "G10")]
    public async Task Dropping_one_leaves_the_other_and_takes_along_what_was_the_ones()
    {
        await using var node = await TestNode.StartAsync();
        await using var socket = await StockSocket.DataAsync(node, "ben");
        await using var other = await StockSocket.DataAsync(node, "cleo");
        await socket.AuthenticateAsync(node.Token("amy"));
        foreach (var (client, room) in new[] { ("ben", "room:both"), ("amy", "room:both"), ("ben", "room:bens") })
        {
            (await socket.InvokeAsync<JoinResponse>("Join", new JoinRequest { As = client, Channel = room })).Error.Should().BeNull();
        }

        (await socket.InvokeAsync<Done>("Drop", new DropRequest { Client = "ben" })).Error.Should().BeNull();
        await other.SendAsync("to bens", "room:bens");
        await other.SendAsync("to ben", "client:ben");
        await other.SendAsync("to both", "room:both");
        var heard = await socket.NextAsync();
        var presence = await other.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:both" });
        var gone = await other.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:bens" });

        heard.Text.Should().Be("to both");
        heard.For.Should().BeNull("amy is the primary one now");
        presence.Members!.Select(m => m.Client).Should().Equal("amy");
        gone.Members.Should().BeEmpty();
        (await socket.SendAsAsync("ben", "as ben", "room:both")).Error!.Code.Should().Be(201);
        (await socket.SendAsAsync(null, "as amy", "room:both")).Error.Should().BeNull();
    }

    [Fact]
    [Trait("Requirement", "1.4")]
    public async Task Dropping_the_last_one_ends_the_socket()
    {
        await using var node = await TestNode.StartAsync();
        await using var socket = await StockSocket.DataAsync(node, "ben");

        await socket.InvokeAsync<Done>("Drop", new DropRequest { Client = "ben" });

        (await socket.Disconnected).Code.Should().Be(524);
    }

    [Fact]
    [Trait("Requirement", "1.14")]
    [Trait("Guarantee", "G10")]
    public async Task A_socket_gets_one_copy_for_the_first_of_its_clients_and_is_told_for_which()
    {
        await using var node = await TestNode.StartAsync();
        await using var socket = await StockSocket.DataAsync(node, "ben");
        await using var other = await StockSocket.DataAsync(node, "cleo");
        await socket.AuthenticateAsync(node.Token("amy"));
        foreach (var (client, channel) in new[] { ("amy", "room:both"), ("ben", "room:both"), ("amy", "client:amy"), ("ben", "client:ben") })
        {
            await socket.InvokeAsync<JoinResponse>("Join", new JoinRequest { As = client, Channel = channel });
        }

        await other.SendAsync("room", "room:both");
        await other.SendAsync("amys", "client:amy");
        await other.SendAsync("bens", "client:ben");
        var received = new[] { await socket.NextAsync(), await socket.NextAsync(), await socket.NextAsync() };

        received.Select(m => (m.Text, m.For)).Should().BeEquivalentTo([("room", (string?)null), ("amys", "amy"), ("bens", null)]);
        await socket.SettleAsync(other);
        socket.HasNothing.Should().BeTrue();
    }

    [Fact]
    [Trait("Guarantee", "G9")]
    [Trait("Guarantee", "G10")]
    public async Task A_second_client_that_joins_a_room_moves_nobody_elses_place()
    {
        await using var node = await TestNode.StartAsync();
        await using var socket = await StockSocket.DataAsync(node, "ben");
        await using var other = await StockSocket.DataAsync(node, "cleo");
        await socket.AuthenticateAsync(node.Token("amy"));
        await socket.JoinAsync("room:busy");

        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < 300; i++)
            {
                await other.SendAsync($"{i}", "room:busy");
            }
        });
        for (var i = 0; i < 30; i++)
        {
            await socket.InvokeAsync<JoinResponse>("Join", new JoinRequest { As = "amy", Channel = "room:busy" });
            await socket.InvokeAsync<Done>("Leave", new LeaveRequest { As = "amy", Channel = "room:busy" });
        }

        await sending.Soon();
        var ids = new List<string>();
        while (ids.Count < 300)
        {
            var message = await socket.NextAsync();
            if (!ids.Contains(message.Text!))
            {
                ids.Add(message.Text!);
            }
        }

        ids.Should().Equal(Enumerable.Range(0, 300).Select(i => $"{i}"));
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    public async Task A_change_of_identities_holds_for_all_that_is_sent_after_it_and_nothing_goes_out_as_the_wrong_one()
    {
        await using var node = await TestNode.StartAsync();
        await using var socket = await StockSocket.DataAsync(node, "ben");
        await using var reader = await StockSocket.DataAsync(node, "cleo");
        await socket.AuthenticateAsync(node.Token("amy"));
        await reader.JoinAsync("room:lobby");
        var calls = new List<Task>();

        for (var i = 0; i < 1000; i++)
        {
            var primary = i % 2 == 0 ? "amy" : "ben";
            calls.Add(socket.InvokeAsync<Done>("SetPrimary", new SetPrimaryRequest { Client = primary }));
            calls.Add(socket.SendAsync(primary, "room:lobby"));
        }

        await Task.WhenAll(calls).Soon(TestTimeout.Long);

        for (var i = 0; i < 1000; i++)
        {
            var message = await reader.NextAsync();
            message.From.Client.Should().Be(message.Text);
        }
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    public async Task A_request_that_names_nobody_while_identities_change_is_told_to_name_one()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var issuer = await KeySetServer.StartAsync(async () =>
        {
            asked.TrySetResult();
            await answer.Task;
        });
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Settings["Duplexity:Auth:Keys:tests:Prefix"] = "t-";
            s.Settings["Duplexity:Auth:Keys:slow:Issuer"] = KeySetServer.Issuer;
            s.Settings["Duplexity:Auth:Keys:slow:Jwks"] = issuer.Address;
            s.Settings["Duplexity:Auth:Keys:slow:Prefix"] = "slow-";
        });
        await using var socket = await StockSocket.DataAsync(node, "ben");
        await socket.AuthenticateAsync(node.Token("amy"));

        var change = socket.InvokeAsync<IdentityResponse>("Authenticate", new AuthenticateRequest { Token = issuer.Token("cleo") });
        await asked.Task.Soon();
        var ambiguous = await socket.SendAsAsync(null, "as whom?", "client:t-amy");
        var named = await socket.SendAsAsync("t-amy", "as amy", "client:t-ben");
        answer.SetResult();

        ambiguous.Error!.Name.Should().Be("identity_ambiguous");
        named.Error.Should().BeNull();
        (await change).Identity!.Client.Should().Be("slow-cleo");
        (await socket.SendAsAsync(null, "unambiguous again", "client:t-amy")).Error.Should().BeNull();
    }

    [Fact]
    [Trait("Requirement", "1.4")]
    public async Task An_expired_identity_falls_off_alone_after_a_warning_and_a_refresh_keeps_it()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => s.Time = time);
        await using var socket = await StockSocket.DataAsync(node, "ben");
        await socket.AuthenticateAsync(node.Token("amy", TimeSpan.FromSeconds(60)));
        await socket.AuthenticateAsync(node.Token("cleo", TimeSpan.FromSeconds(60)));
        var soon = socket.Hear<ReauthenticateSoonEvent>("ReauthenticateSoon");
        var changes = socket.Hear<IdentitiesChangedEvent>("IdentitiesChanged");

        // The test issuer's tokens have the skew of another issuer's: 30 s beyond their end.
        time.Advance(TimeSpan.FromSeconds(61));
        var warned = new[] { await soon.ReadAsync().Soon(), await soon.ReadAsync().Soon() };
        var refreshed = await socket.InvokeAsync<IdentityResponse>("Refresh", new RefreshRequest { Token = node.Token("cleo", TimeSpan.FromMinutes(10)) });
        time.Advance(TimeSpan.FromSeconds(31));

        warned.Select(w => w.Client).Should().BeEquivalentTo("amy", "cleo");
        refreshed.Identity!.ExpiresAt.Should().BeGreaterThan(warned[0].ExpiresAt);
        (await changes.ReadAsync().Soon()).Change.Should().Be("refreshed");
        (await changes.ReadAsync().Soon()).Should().BeEquivalentTo(new { Client = "amy", Change = "expired", Clients = (string[])["ben", "cleo"] });
        (await socket.SendAsAsync("amy", "too late", "client:ben")).Error!.Code.Should().Be(201);
        (await socket.SendAsAsync("cleo", "in time", "client:amy")).Error.Should().BeNull();
    }

    [Fact]
    [Trait("Requirement", "1.4")]
    public async Task A_refresh_is_of_a_client_that_is_held()
    {
        await using var node = await TestNode.StartAsync();
        await using var socket = await StockSocket.DataAsync(node, "ben");

        var foreign = await socket.InvokeAsync<IdentityResponse>("Refresh", new RefreshRequest { Token = node.Token("amy") });
        var named = await socket.InvokeAsync<IdentityResponse>("Refresh", new RefreshRequest { As = "ben", Token = node.Token("ben", TimeSpan.FromHours(2)) });

        foreign.Error!.Name.Should().Be("identity_not_held");
        named.Identity.Should().BeEquivalentTo(new { Client = "ben", IsPrimary = true });
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_socket_holds_a_bounded_number_of_clients()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.IdentitiesPerSocket = 2);
        await using var socket = await StockSocket.DataAsync(node, "ben");
        await socket.AuthenticateAsync(node.Token("amy"));

        var third = await socket.InvokeAsync<IdentityResponse>("Authenticate", new AuthenticateRequest { Token = node.Token("cleo") });

        third.Error.Should().BeEquivalentTo(new { Name = "too_many_identities", Limit = "identities_per_socket", Used = 2L });
    }

    [Fact]
    [Trait("Requirement", "1.5")]
    public async Task A_socket_is_found_by_each_client_that_it_holds_and_counts_for_each()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.SocketsPerClient = 1);
        await using var bens = await StockSocket.DataAsync(node, "ben");
        await bens.AuthenticateAsync(node.Token("amy"));
        await using var cleos = await StockSocket.DataAsync(node, "cleo");

        var full = await cleos.InvokeAsync<IdentityResponse>("Authenticate", new AuthenticateRequest { Token = node.Token("amy") });
        await bens.InvokeAsync<Done>("Drop", new DropRequest { Client = "amy" });
        var room = await cleos.InvokeAsync<IdentityResponse>("Authenticate", new AuthenticateRequest { Token = node.Token("amy") });

        full.Error.Should().BeEquivalentTo(new { Name = "too_many_sockets", Limit = "sockets_per_client" });
        room.Error.Should().BeNull();
    }
}
