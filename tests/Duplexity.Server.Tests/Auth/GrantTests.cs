using System.Net;
using System.Net.Http.Json;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

/// <summary>Sign-ins that last: what they bring along, and how they end.</summary>
public sealed class GrantTests
{
    [Fact]
    [Trait("Requirement", "2.19")]
    public async Task With_the_provider_away_only_new_sign_ins_fail_and_a_refresh_can_be_tried_again()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider);
        var tokens = await SignInRig.SignInAsync(node, provider, "amy");
        await using var terminal = await WaitingProgram.StartAsync(node.Http);
        using var browser = new BrowserRobot();

        provider.IsAway = true;
        var away = await SignInRig.RefreshAsync(node, tokens);
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), tokens.GetProperty("access_token").GetString()!);
        provider.IsAway = false;
        var back = await SignInRig.RefreshAsync(node, tokens);

        away.Status.Should().Be(HttpStatusCode.ServiceUnavailable);
        back.Status.Should().Be(HttpStatusCode.OK);
        provider.Refreshes.Should().Be(1);
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    public async Task A_refresh_handle_is_good_once_and_a_stolen_one_ends_the_sign_in_for_both()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s => s.Time = time);
        var first = await SignInRig.SignInAsync(node, provider, "amy");
        var second = await SignInRig.RefreshAsync(node, first);
        var lost = await SignInRig.RefreshAsync(node, first);
        time.Advance(TimeSpan.FromSeconds(31));
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), lost.Tokens.GetProperty("access_token").GetString()!);

        var stolen = await SignInRig.RefreshAsync(node, first);

        second.Tokens.GetProperty("refresh_token").GetString().Should().NotBe(first.GetProperty("refresh_token").GetString());
        lost.Status.Should().Be(HttpStatusCode.OK, "its answer may have been lost on the way");
        stolen.Status.Should().Be(HttpStatusCode.Unauthorized);
        (await socket.Disconnected).Code.Should().Be(522);
        (await SignInRig.RefreshAsync(node, lost.Tokens)).Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    public async Task Who_is_disabled_at_the_provider_or_logs_out_is_out()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider);
        var amy = await SignInRig.SignInAsync(node, provider, "amy");
        var ben = await SignInRig.SignInAsync(node, provider, "ben");
        await using var bens = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), ben.GetProperty("access_token").GetString()!);

        provider.Disabled.Add("amy");
        var logout = await node.Http.PostAsJsonAsync("auth/logout", new { refresh_token = ben.GetProperty("refresh_token").GetString() });

        (await SignInRig.RefreshAsync(node, amy)).Status.Should().Be(HttpStatusCode.Unauthorized);
        logout.StatusCode.Should().Be(HttpStatusCode.NoContent);
        (await bens.Disconnected).Code.Should().Be(522);
        (await SignInRig.RefreshAsync(node, ben)).Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task Roles_and_allowances_of_the_provider_reach_the_socket()
    {
        await using var provider = await TestProvider.StartAsync();
        provider.Lie = claims => claims["duplexity"] = new { limits = new { messages = 7 } };
        await using var node = await SignInRig.StartAsync(provider, s => s.Settings["Duplexity:Allowances:member:Join:0"] = "room:members");

        var tokens = await SignInRig.SignInAsync(node, provider, "amy");
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), tokens.GetProperty("access_token").GetString()!);

        socket.Welcome.Identities![0].Allowances.Join.Should().Equal("room:members");
        socket.Welcome.Identities[0].Allowances.Limits!.Messages.Should().Be(7);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [Trait("Requirement", "1.8")]
    [Trait("Requirement", "2.6")]
    public async Task Of_many_that_refresh_one_handle_at_once_one_renews_and_the_others_hear_the_same_in_one_process_and_in_two(int processes)
    {
        var folder = Directory.CreateTempSubdirectory("duplexity-test-");
        await using var provider = await TestProvider.StartAsync();
        var nodes = new List<TestNode>();
        for (var i = 0; i < processes; i++)
        {
            // They share the records; a folder's message log is one node's, so theirs is in memory.
            nodes.Add(await SignInRig.StartAsync(
                provider, s => (s.Environment, s.Settings["Duplexity:Data"], s.Settings["Duplexity:Durability"]) = ("Production", folder.FullName, "accepted")));
        }

        var first = await SignInRig.SignInAsync(nodes[0], provider, "amy");

        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => SignInRig.RefreshAsync(nodes[i % processes], first)));

        answers.Should().OnlyContain(a => a.Status == HttpStatusCode.OK);
        var handles = answers.Select(a => a.Tokens.GetProperty("refresh_token").GetString()).Distinct().ToArray();
        handles.Should().ContainSingle("one renewed, and the others' answers say what it did").Which.Should().NotBe(first.GetProperty("refresh_token").GetString());
        provider.Refreshes.Should().Be(1);
        foreach (var node in nodes)
        {
            await using var socket = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), answers[0].Tokens.GetProperty("access_token").GetString()!);
            socket.Welcome.Clients.Should().Equal("amy");
        }

        // A chain of refreshes from process to process, and then the first handle once more: it was stolen from somebody.
        var next = answers[0].Tokens;
        for (var i = 1; i <= 3; i++)
        {
            (var status, next) = await SignInRig.RefreshAsync(nodes[i % processes], next);
            status.Should().Be(HttpStatusCode.OK);
        }

        (await SignInRig.RefreshAsync(nodes[^1], first)).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await SignInRig.RefreshAsync(nodes[0], next)).Status.Should().Be(HttpStatusCode.Unauthorized);
        foreach (var node in nodes)
        {
            await node.DisposeAsync();
        }

        folder.Delete(recursive: true);
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    public async Task A_process_that_died_in_the_middle_of_a_refresh_keeps_nobody_out_for_long()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s => s.Time = time);
        var tokens = await SignInRig.SignInAsync(node, provider, "amy");
        var id = tokens.GetProperty("refresh_token").GetString()!["dxr_".Length..].Split('.')[0];
        var records = node.Services.GetRequiredService<IEngine>().Records;
        await records.PutAsync("grant-turn", id, "", time.GetUtcNow() + TimeSpan.FromDays(1));

        var refused = SignInRig.RefreshAsync(node, tokens);
        while (!refused.IsCompleted)
        {
            // Not faster than it looks: the sign-in itself lasts thirty days.
            time.Advance(TimeSpan.FromSeconds(1));
            await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(5));
        }

        (await refused).Status.Should().Be(HttpStatusCode.ServiceUnavailable);
        await records.PutAsync("grant-turn", id, "", time.GetUtcNow() + TimeSpan.FromSeconds(30));
        time.Advance(TimeSpan.FromSeconds(30));
        (await SignInRig.RefreshAsync(node, tokens)).Status.Should().Be(HttpStatusCode.OK);
    }
}
