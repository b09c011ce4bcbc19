using System.Net;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

/// <summary>Two who sign in at once, and one who waits on a machine that is not the person's (G1, 2.7).</summary>
public sealed class SignInStrangersTests
{
    [Fact]
    [Trait("Requirement", "2.7")]
    [Trait("Guarantee", "G1")]
    public async Task Two_who_sign_in_at_once_get_their_own_tokens_and_neither_can_take_the_others()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider);
        await using var amys = await WaitingProgram.StartAsync(node.Http);
        await using var bens = await WaitingProgram.StartAsync(node.Http);
        using var amy = new BrowserRobot().As("amy", provider);
        using var ben = new BrowserRobot().As("ben", provider);

        // Step by step, each between the other's steps.
        await amy.OpenAsync(amys.Link);
        await ben.OpenAsync(bens.Link);
        await ben.SubmitAsync(amys.Code);
        ben.Page.Should().Contain("not the code", "a code is that of one terminal");
        await amy.SubmitAsync(amys.Code);
        await ben.SubmitAsync(bens.Code);
        await bens.NextAsync();
        await amys.NextAsync();
        (await amys.ProveAsync(verifier: bens.Verifier)).Should().Be(HttpStatusCode.Forbidden);
        (await bens.ProveAsync(verifier: amys.Verifier)).Should().Be(HttpStatusCode.Forbidden);
        (await bens.ProveAsync()).Should().Be(HttpStatusCode.NoContent);
        (await amys.ProveAsync()).Should().Be(HttpStatusCode.NoContent);

        foreach (var (terminal, client) in new[] { (amys, "amy"), (bens, "ben") })
        {
            var tokens = await terminal.NextAsync();
            tokens.GetProperty("client").GetString().Should().Be(client);
            new JsonWebToken(tokens.GetProperty("access_token").GetString()).Subject.Should().Be(client);
            new JsonWebToken(tokens.GetProperty("id_token").GetString()).Subject.Should().Be(client);
            new JsonWebToken((await SignInRig.RefreshAsync(node, tokens)).Tokens.GetProperty("access_token").GetString()).Subject.Should().Be(client);
        }
    }

    [Fact]
    [Trait("Guarantee", "G1")]
    public async Task A_program_on_another_machine_gets_no_grant_by_loopback_only_by_the_code_that_it_shows()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s => s.Settings["Duplexity:TrustedProxies:0"] = "127.0.0.1");
        using var elsewhere = new HttpClient { BaseAddress = node.Address };
        elsewhere.DefaultRequestHeaders.Add("X-Forwarded-For", "203.0.113.7");
        await using var attacker = await WaitingProgram.StartAsync(elsewhere, port: 51234);
        using var victim = new BrowserRobot().As("victim", provider);

        await victim.OpenAsync(attacker.Link, stop: uri => uri.Port == 51234);

        victim.SentTo.Should().BeNull("the port is one of the person's own machine, where nobody asked");
        victim.Page.Should().Contain("203.0.113.7").And.NotContain("grant=");
        (await attacker.ProveAsync()).Should().Be(HttpStatusCode.Forbidden);
    }

    [Fact]
    [Trait("Requirement", "2.19")]
    public async Task With_the_provider_away_who_is_there_stays_there_pipes_serve_and_new_connections_come_in()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider);
        var token = (await SignInRig.SignInAsync(node, provider, "amy")).GetProperty("access_token").GetString()!;
        await using var resource = new RawResource(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        });
        await using var owner = new DuplexityConnection(node.Address, new() { Token = _ => ValueTask.FromResult<string?>(token) });
        await owner.ConnectAsync().Soon();
        await using var pipe = await owner.Pipes.OpenAsync("cat1", $"http://127.0.0.1:{resource.Port}");

        provider.IsAway = true;

        using var visit = await node.VisitAsync("cat1");
        (await visit.Content.ReadAsStringAsync()).Should().Be("ok");
        (await owner.SendAsync(Address.Room("lobby"), "still here")).Should().NotBeNull();
        await using var another = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), token);
        another.Welcome.Clients.Should().Equal("amy");
        await using var terminal = await WaitingProgram.StartAsync(node.Http);
        using var browser = new BrowserRobot();
        await browser.OpenAsync(terminal.Link);
        browser.Status.Should().Be(HttpStatusCode.ServiceUnavailable);
    }

    [Fact]
    [Trait("Requirement", "2.4")]
    [Trait("Requirement", "2.18")]
    public async Task Without_a_good_token_nothing_is_registered()
    {
        await using var node = await TestNode.StartAsync();

        foreach (var token in (string?[])[null, "nonsense", node.Token("amy", TimeSpan.FromHours(-1))])
        {
            foreach (var hub in (string[])["control?session=s1", "data?session=s1"])
            {
                await node.Invoking(n => RawHub.ConnectAsync(n, hub, token)).Should().ThrowAsync<InvalidOperationException>().WithMessage("*401*");
            }
        }

        (await node.Services.GetRequiredService<IEngine>().Registry.ListAsync(null)).Should().BeEmpty();
        node.Services.GetRequiredService<Duplexity.Server.Sockets.Sessions>().All.Should().BeEmpty();
    }
}
