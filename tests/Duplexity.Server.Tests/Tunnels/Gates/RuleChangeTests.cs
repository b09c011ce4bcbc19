using System.Net;
using System.Net.WebSockets;
using System.Text;
using Duplexity.Server.Engine;
using Duplexity.Server.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Gates;

/// <summary>What becomes of visitors who are being served when their pipe gets other rules.</summary>
[Trait("Guarantee", "G8")]
public sealed class RuleChangeTests
{
    [Theory]
    [InlineData("basic:bob:battery-staple,basic:eve:correct-horse", "bob by his password")]
    [InlineData("basic:eve:correct-horse", "bob by his password")]
    [InlineData("basic:bob:correct-horse,basic:eve:battery-staple,bearer,client:carl", "eve by her password")]
    [InlineData("basic:bob:correct-horse,basic:eve:correct-horse,bearer,client:dora", "carl by his token")]
    public async Task Whom_the_new_rules_would_not_let_in_is_cut_and_the_others_go_on(string changed, string cut)
    {
        await using var rig = await GateRig.StartAsync();
        await using var pipe = await rig.OpenAsync("basic:bob:correct-horse,basic:eve:correct-horse,bearer,client:carl");
        var visitors = new Dictionary<string, ClientWebSocket>
        {
            ["bob by his password"] = await ConnectAsync(rig, GateRig.Basic("bob", "correct-horse")),
            ["eve by her password"] = await ConnectAsync(rig, GateRig.Basic("eve", "correct-horse")),
            ["carl by his token"] = await ConnectAsync(rig, GateRig.Bearer(rig.Token("carl"))),
        };

        await using var now = await pipe.ChangeAsync(rig.Resource, new PipeOptions { Visitors = changed.Split(',') }).Soon();

        await HandedOutTests.EndOf(visitors[cut]);
        foreach (var (name, socket) in visitors)
        {
            if (name != cut && changed.Contains(name.StartsWith("carl", StringComparison.Ordinal) ? "client:carl" : $"{name[..3]}:correct-horse", StringComparison.Ordinal))
            {
                await EchoAsync(socket);
            }

            socket.Dispose();
        }
    }

    [Fact]
    public async Task A_pipe_that_is_changed_and_lets_in_whom_it_let_in_cuts_nobody_and_its_later_changes_count()
    {
        await using var rig = await GateRig.StartAsync();
        await using var pipe = await rig.OpenAsync("basic:bob:correct-horse");
        using var bob = await ConnectAsync(rig, GateRig.Basic("bob", "correct-horse"));

        await using var same = await pipe.ChangeAsync(rig.Resource, new PipeOptions { Visitors = ["basic:bob:correct-horse", "signed-in"] }).Soon();
        (await rig.GetAsync(with: GateRig.Basic("bob", "correct-horse"))).Status.Should().Be(HttpStatusCode.OK, "behind this its rules of now were looked at");
        await EchoAsync(bob);

        await using var other = await same.ChangeAsync(rig.Resource, new PipeOptions { Visitors = ["signed-in"] }).Soon();
        await HandedOutTests.EndOf(bob);
    }

    [Fact]
    [Trait("Guarantee", "G13")]
    public async Task The_carriers_of_a_pipe_that_is_changed_are_as_it_says_now()
    {
        await using var rig = await GateRig.StartAsync();
        await using var pipe = await rig.OpenAsync("public");
        (await rig.GetAsync()).Status.Should().Be(HttpStatusCode.OK);
        var pool = await PoolAsync();
        pool.IsPerVisitor.Should().BeFalse();

        await using var gated = await pipe.ChangeAsync(rig.Resource, new PipeOptions { Visitors = ["signed-in"] }).Soon();
        pool.IsPerVisitor.Should().BeTrue("a visitor who is known shares its carriers with nobody");
        await using var timed = await gated.ChangeAsync(rig.Resource, new PipeOptions { Visitors = ["signed-in"], IdleTimeout = TimeSpan.FromSeconds(9) }).Soon();
        pool.Entry.Settings.IdleTimeoutMs.Should().Be(9_000);
        (await PoolAsync()).Should().BeSameAs(pool);

        async Task<CarrierPool> PoolAsync() =>
            rig.Node.Services.GetRequiredService<CarrierPools>().Of((await rig.Node.Services.GetRequiredService<IEngine>().Registry.ReadAsync("cat1.localhost"))!)!;
    }

    private static async Task<ClientWebSocket> ConnectAsync(GateRig rig, Action<HttpRequestMessage> with)
    {
        using var shown = new HttpRequestMessage();
        with(shown);
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Host", $"cat1.localhost:{rig.Node.Port}");
        socket.Options.SetRequestHeader("Authorization", shown.Headers.Authorization!.ToString());
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{rig.Node.Port}/"), CancellationToken.None).Soon();
        await EchoAsync(socket);
        return socket;
    }

    private static async Task EchoAsync(ClientWebSocket socket)
    {
        var got = new byte[16];
        await socket.SendAsync("hi"u8.ToArray(), WebSocketMessageType.Text, true, CancellationToken.None).Soon();
        Encoding.UTF8.GetString(got, 0, (await socket.ReceiveAsync(got, CancellationToken.None).Soon()).Count).Should().Be("hi");
    }
}
