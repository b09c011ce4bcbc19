using Duplexity.Protocol;
using Duplexity.Server.Sockets;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Client;

/// <summary>Several clients on one connection of the SDK, where pipes and administration are concerned: each on the control connection as on the data connection.</summary>
public sealed class ControlIdentityTests
{
    [Fact]
    [Trait("Requirement", "3.12")]
    [Trait("Guarantee", "G10")]
    public async Task A_control_call_acts_as_the_client_that_it_names_with_that_ones_rights_alone()
    {
        await using var node = await TestNode.StartAsync();
        await using var root = node.Connection("root", o => o with { Token = _ => ValueTask.FromResult<string?>(node.Token("root", null, ("role", "admin"))) });
        await root.ConnectAsync().Soon();
        await using var amyElsewhere = await node.ConnectAsync("amy");
        await root.Identities.AddAsync(node.Token("amy"));

        var amys = await root.Sockets.ListAsync(new AskOptions { As = "amy" }).Soon();
        var refused = await root.Invoking(r => r.Sockets.ListAsync(new AskOptions { As = "amy", Client = "root" }).Soon()).Should().ThrowAsync<DuplexityException>();
        var stranger = await root.Invoking(r => r.Sockets.ListAsync(new AskOptions { As = "cleo" }).Soon()).Should().ThrowAsync<DuplexityException>();
        var all = await root.Sockets.ListAsync(new AskOptions { Client = "*" }).Soon();
        var explained = await root.ExplainAsync(Operation.Administer, "client:root", new AskOptions { As = "amy" }).Soon();
        root.Identities.SetPrimary("amy");
        var primary = await root.Sockets.ListAsync().Soon();

        amys.Select(s => (s.Client, s.SocketId)).Should().BeEquivalentTo([("amy", root.SocketId), ("amy", amyElsewhere.SocketId)]);
        refused.Which.Kind.Should().Be(ErrorKind.Denied);
        stranger.Which.Code.Should().Be(Errors.IdentityNotHeld.Code);
        all.Select(s => s.Client).Should().BeEquivalentTo("root", "amy", "amy");
        explained.Allowed.Should().BeFalse();
        primary.Should().OnlyContain(s => s.Client == "amy");
    }

    [Fact]
    [Trait("Requirement", "1.4")]
    [Trait("Guarantee", "G10")]
    public async Task Pipes_of_each_client_come_back_after_the_line_was_cut_and_are_visited_with_that_clients_token()
    {
        await using var node = await TestNode.StartAsync();
        await using var resource = NewResource();
        await using var line = new FaultyLine(node.Port);
        await using var connection = new DuplexityConnection(line.Address, new DuplexityConnectionOptions { Token = _ => ValueTask.FromResult<string?>(node.Token("ben")) });
        await connection.ConnectAsync().Soon();
        await connection.Identities.AddAsync(_ => ValueTask.FromResult<string?>(node.Token("amy")));
        await connection.Pipes.OpenAsync("bens", $"http://{resource.Authority}").Soon();
        var amys = await connection.Pipes.OpenAsync("amys", $"http://{resource.Authority}", new PipeOptions { As = "amy" }).Soon();
        (await ReadAsync(node, "amys")).Should().Be("hi");
        var before = connection.SocketId;
        var back = Wait.For<ConnectionStateChange>("ready again", ready => connection.StateChanged += c =>
        {
            if (c.Current == ConnectionState.Ready && connection.SocketId != before)
            {
                ready(c);
            }
        });

        line.Cut();
        await back;

        (await ReadAsync(node, "bens")).Should().Be("hi");
        (await ReadAsync(node, "amys")).Should().Be("hi");
        (await connection.Pipes.ListAsync(new AskOptions { As = "amy" }).Soon()).Should().ContainSingle(p => p.Name == "amys.localhost" && p.Client == "amy" && p.State == "serving");
        (await connection.Pipes.ListAsync().Soon()).Should().ContainSingle(p => p.Name == "bens.localhost");
        amys.Closed.IsCompleted.Should().BeFalse();
    }

    [Fact]
    [Trait("Requirement", "2.33")]
    [Trait("Guarantee", "G21")]
    public async Task A_pipe_that_is_closed_from_elsewhere_says_why_and_does_not_come_back_by_itself()
    {
        await using var node = await TestNode.StartAsync();
        await using var resource = NewResource();
        await using var line = new FaultyLine(node.Port);
        await using var laptop = new DuplexityConnection(line.Address, new DuplexityConnectionOptions { Token = _ => ValueTask.FromResult<string?>(node.Token("todd")) });
        await laptop.ConnectAsync().Soon();
        await using var phone = await node.ConnectAsync("todd");
        var told = await laptop.Pipes.OpenAsync("told", $"http://{resource.Authority}").Soon();
        var away = await laptop.Pipes.OpenAsync("away", $"http://{resource.Authority}").Soon();
        var stays = await laptop.Pipes.OpenAsync("stays", $"http://{resource.Authority}").Soon();

        await phone.Pipes.CloseAsync("told", "not at night").Soon();
        var reason = await told.Closed.Soon();
        line.Cut(stayDown: true);
        await phone.Pipes.CloseAsync("away.localhost").Soon();
        line.Mend();
        var later = await away.Closed.Soon(TestTimeout.Long);
        var absent = await phone.Invoking(p => p.Pipes.CloseAsync("told").Soon()).Should().ThrowAsync<DuplexityException>();

        reason.Should().BeEquivalentTo(new { Code = 521, Sentence = "not at night" });
        later!.Name.Should().Be("denied");
        absent.Which.Error.Name.Should().Be("unknown_destination");
        (await ReadAsync(node, "stays")).Should().Be("hi", "the session lives on");
        stays.Closed.IsCompleted.Should().BeFalse();
    }

    [Fact]
    [Trait("Requirement", "1.4")]
    public async Task A_client_that_ends_soon_is_renewed_on_both_connections()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await TestNode.StartAsync(s => s.Time = time);
        await using var connection = await node.ConnectAsync("ben");
        await connection.Sockets.ListAsync().Soon();
        var renewals = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = 0;
        await connection.Identities.AddAsync(_ =>
        {
            if (Interlocked.Increment(ref asked) == 3)
            {
                renewals.TrySetResult();
            }

            return ValueTask.FromResult<string?>(node.Token("amy", TimeSpan.FromMinutes(asked > 1 ? 10 : 1)));
        });

        // A minute and the skew of another issuer's tokens; 30 s before that, both connections say so.
        time.Advance(TimeSpan.FromSeconds(65));
        await renewals.Task.Soon();
        (await connection.SendAsync(Address.Client("dora"), "still amy", new SendOptions { As = "amy" })).Complete.Should().BeTrue();
        await HeldAsync(node, "amy", until: time.GetUtcNow() + TimeSpan.FromMinutes(5));
        time.Advance(TimeSpan.FromSeconds(60));

        (await connection.Sockets.ListAsync(new AskOptions { As = "amy" }).Soon()).Should().ContainSingle();
        asked.Should().Be(3, "once when it was added, once for each connection");
    }

    [Fact]
    [Trait("Requirement", "1.4")]
    [Trait("Guarantee", "G8")]
    public async Task A_client_that_is_revoked_loses_its_pipes_and_watches_and_the_other_one_keeps_them()
    {
        await using var node = await TestNode.StartAsync();
        await using var connection = await node.ConnectAsync("ben");
        await connection.Identities.AddAsync(node.Token("amy"));
        var bens = await connection.Pipes.OpenAsync("bens", "http://localhost:1").Soon();
        var amys = await connection.Pipes.OpenAsync("amys", "http://localhost:1", new PipeOptions { As = "amy" }).Soon();
        await using var amysWatch = new Watched<SocketChange>(connection.Sockets.WatchAsync(new AskOptions { As = "amy" }));
        await using var bensWatch = new Watched<SocketChange>(connection.Sockets.WatchAsync());
        await amysWatch.NextAsync();
        await bensWatch.NextAsync();

        await node.Services.GetRequiredService<IDuplexity>().RevokeAsync("amy");

        (await amys.Closed.Soon())!.Name.Should().Be("identity_not_held");
        (await amysWatch.Invoking(async w =>
        {
            while (await w.MoveNextAsync())
            {
                // What came before.
            }
        }).Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(Errors.IdentityNotHeld.Code);
        await using var another = await node.ConnectAsync("ben");
        (await bensWatch.NextAsync(c => c.Kind == "connected")).Socket.SocketId.Should().Be(another.SocketId);
        bens.Closed.IsCompleted.Should().BeFalse();
        (await connection.Pipes.ListAsync().Soon()).Should().ContainSingle(p => p.Name == "bens.localhost");
    }

    [Fact]
    public async Task A_declared_pipe_is_the_connections_own_clients()
    {
        await using var node = await TestNode.StartAsync();
        await using var connection = node.Connection("ben");

        connection.Pipes.Invoking(p => p.Declare("x", "3000", new PipeOptions { As = "amy" })).Should().Throw<ArgumentException>();
    }

    private static RawResource NewResource() => new(async connection =>
    {
        await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
    });

    private static async Task<string> ReadAsync(TestNode node, string name)
    {
        using var answer = await node.VisitAsync(name).Soon();
        return await answer.Content.ReadAsStringAsync();
    }

    /// <summary>Waits until every connection of the node that holds the client does so by a token that is good for longer.</summary>
    private static async Task HeldAsync(TestNode node, string client, DateTimeOffset until)
    {
        var holders = node.Services.GetRequiredService<IdentityHolders>();
        using var limit = new CancellationTokenSource(TestTimeout.Soon);
        while (holders.All.Select(h => h.Identities.Find(client)).OfType<HeldIdentity>().Any(h => h.Identity.ExpiresAt < until))
        {
            limit.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
