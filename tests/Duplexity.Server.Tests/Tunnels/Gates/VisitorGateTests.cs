using System.Net;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Gates;

/// <summary>Who is let in to a pipe, and what its resource sees of who comes.</summary>
public sealed class VisitorGateTests
{
    [Fact]
    [Trait("Requirement", "3.4")]
    public async Task A_password_lets_in_and_reaches_neither_the_resource_nor_the_registry()
    {
        await using var rig = await GateRig.StartAsync();
        await rig.OpenAsync("basic:bob:correct horse");

        var stranger = await rig.GetAsync();
        stranger.Status.Should().Be(HttpStatusCode.Unauthorized);
        stranger.Headers.WwwAuthenticate.Should().ContainSingle().Which.ToString().Should().StartWith("Basic realm=\"cat1.localhost\"");
        (await rig.GetAsync(with: GateRig.Basic("bob", "correct horsf"))).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await rig.GetAsync(with: GateRig.Basic("amy", "correct horse"))).Status.Should().Be(HttpStatusCode.Unauthorized);
        var known = await rig.GetAsync(with: GateRig.Basic("bob", "correct horse"));

        known.Status.Should().Be(HttpStatusCode.OK);
        known.Text.Should().NotContain("Authorization").And.NotContain("Duplexity-Identity");
        var entry = await rig.Node.Services.GetRequiredService<IEngine>().Registry.LocateAsync("cat1.localhost");
        entry!.Settings.Visitors.Should().StartWith("basic:bob:pbkdf2-sha512$210000$").And.NotContain("horse");
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Who_guesses_passwords_has_to_wait()
    {
        await using var rig = await GateRig.StartAsync();
        await rig.OpenAsync("basic:bob:correct horse");
        var counts = rig.Node.Services.GetRequiredService<Duplexity.Server.Tunnels.Gates.Passwords>();
        for (var i = 0; i < 19; i++)
        {
            counts.CountWrong("cat1.localhost", IPAddress.Loopback);
        }

        (await rig.GetAsync(with: GateRig.Basic("bob", "wrong horse"))).Status.Should().Be(HttpStatusCode.Unauthorized);
        var late = await rig.GetAsync(with: GateRig.Basic("bob", "correct horse"));

        late.Status.Should().Be(HttpStatusCode.TooManyRequests);
        late.Headers.RetryAfter!.Delta.Should().Be(TimeSpan.FromMinutes(10));
    }

    [Fact]
    [Trait("Guarantee", "G15")]
    public async Task A_token_lets_in_whom_the_rules_name_and_the_resource_is_told_who_it_is_by_a_statement_that_anybody_can_verify()
    {
        await using var rig = await GateRig.StartAsync();
        await rig.OpenAsync("bearer,client:b*");

        (await rig.GetAsync()).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await rig.GetAsync(with: GateRig.Bearer(rig.Token("carl")))).Status.Should().Be(HttpStatusCode.Forbidden);
        (await rig.GetAsync(with: GateRig.Bearer("not.a.token"))).Status.Should().Be(HttpStatusCode.Unauthorized);
        var bob = await rig.GetAsync(with: request =>
        {
            GateRig.Bearer(rig.Token("bob"))(request);
            request.Headers.Add("Duplexity-Identity", "forged");
        });

        bob.Status.Should().Be(HttpStatusCode.OK);
        bob.Text.Should().NotContain("Authorization").And.NotContain("forged");
        var statement = IdentityIn(bob.Text)!;
        var keys = new JsonWebKeySet(await rig.Node.Http.GetStringAsync("auth/jwks"));
        var read = new JsonWebTokenHandler { MapInboundClaims = false };
        var parameters = new TokenValidationParameters
        {
            ValidIssuer = "http://localhost:5080",
            ValidAudience = "cat1.localhost",
            IssuerSigningKeys = keys.GetSigningKeys(),
            ValidTypes = ["duplexity-identity+jwt"],
            ClockSkew = TimeSpan.Zero,
        };
        var result = await read.ValidateTokenAsync(statement, parameters);
        result.IsValid.Should().BeTrue(result.Exception?.Message);
        result.Claims["sub"].Should().Be("bob");
        (result.SecurityToken.ValidTo - ((JsonWebToken)result.SecurityToken).IssuedAt).Should().Be(TimeSpan.FromSeconds(60));

        // It opens nothing of the service, and is none for another name.
        (await rig.GetAsync(with: GateRig.Bearer(statement))).Status.Should().Be(HttpStatusCode.Unauthorized);
        parameters.ValidAudience = "cat2.localhost";
        (await read.ValidateTokenAsync(statement, parameters)).IsValid.Should().BeFalse();
    }

    [Fact]
    public async Task An_api_key_is_a_token_too_and_bearer_alone_lets_in_anybody_of_the_service()
    {
        await using var rig = await GateRig.StartAsync();
        await rig.OpenAsync("bearer");
        using var answer = await rig.Node.Http.SendAsync(new(HttpMethod.Post, "auth/keys")
        {
            Content = new StringContent("""{"name":"rack"}""", null, "application/json"),
            Headers = { Authorization = new("Bearer", rig.Token("carl")) },
        });
        var key = System.Text.Json.JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("key").GetString()!;

        var carl = await rig.GetAsync(with: GateRig.Bearer(key));

        carl.Status.Should().Be(HttpStatusCode.OK);
        new JsonWebToken(IdentityIn(carl.Text)!).Subject.Should().Be("carl");
    }

    [Theory]
    [InlineData("ip:127.0.0.0/8", null, HttpStatusCode.OK)]
    [InlineData("ip:127.0.0.1", null, HttpStatusCode.OK)]
    [InlineData("ip:10.0.0.0/8", null, HttpStatusCode.Forbidden)]
    [InlineData("ip:10.0.0.0/8", "10.1.2.3", HttpStatusCode.OK)]
    [InlineData("ip:127.0.0.0/8", "10.1.2.3", HttpStatusCode.Forbidden)]
    [InlineData("ip:2001:db8::/32", "2001:db8::7", HttpStatusCode.OK)]
    [InlineData("ip:2001:db8::/32,ip:10.1.2.3", "10.1.2.3", HttpStatusCode.OK)]
    public async Task An_address_lets_in_as_the_operators_proxies_see_it(string rule, string? forwarded, HttpStatusCode expected)
    {
        await using var rig = await GateRig.StartAsync(s => s.Settings["Duplexity:TrustedProxies:0"] = "127.0.0.1");
        await rig.OpenAsync(rule);

        (await rig.GetAsync(with: request =>
        {
            if (forwarded is not null)
            {
                request.Headers.Add("X-Forwarded-For", forwarded);
            }
        })).Status.Should().Be(expected);
    }

    [Fact]
    public async Task A_room_lets_in_those_who_may_join_it()
    {
        await using var rig = await GateRig.StartAsync(s => s.Settings["Duplexity:Rooms:team:Join:0"] = "client:bob");
        await rig.OpenAsync("bearer,room:team");

        (await rig.GetAsync(with: GateRig.Bearer(rig.Token("bob")))).Status.Should().Be(HttpStatusCode.OK);
        (await rig.GetAsync(with: GateRig.Bearer(rig.Token("carl")))).Status.Should().Be(HttpStatusCode.Forbidden);
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task Who_may_not_visit_is_not_told_whether_the_machine_is_there()
    {
        await using var rig = await GateRig.StartAsync();
        await rig.OpenAsync("bearer,client:bob");
        var there = await rig.GetAsync();
        var node = rig.Node.Services.GetRequiredService<Duplexity.Server.Sockets.Sessions>();
        var session = node.OfClient("amy").Single();
        node.Lose(session, session.Link!.ConnectionId);

        var away = await rig.GetAsync();

        (away.Status, away.Text).Should().Be((there.Status, there.Text));
        (await rig.GetAsync(with: GateRig.Bearer(rig.Token("bob")))).Status.Should().Be(HttpStatusCode.BadGateway);
    }

    [Fact]
    [Trait("Guarantee", "G13")]
    public async Task Upgrades_and_every_path_stand_behind_the_gate()
    {
        await using var rig = await GateRig.StartAsync();
        await rig.OpenAsync("bearer,client:bob");
        foreach (var target in new[] { "/", "/auth", "/data", "/health/ready", "/.well-known/acme-challenge/x", "/a%2Fb/../c" })
        {
            await using var visitor = await Duplexity.Testing.RawVisitor.ConnectAsync(rig.Node.Port);
            await visitor.RequestAsync($"GET {target} HTTP/1.1", "cat1.localhost");
            (await visitor.ReadHeadAsync()).Should().StartWith("HTTP/1.1 401 ");
        }

        await using var upgrade = await Duplexity.Testing.RawVisitor.ConnectAsync(rig.Node.Port);
        await upgrade.RequestAsync("GET / HTTP/1.1", "cat1.localhost", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==");
        (await upgrade.ReadHeadAsync()).Should().StartWith("HTTP/1.1 401 ");
    }

    [Theory]
    [InlineData("nobody")]
    [InlineData("ip:10.0.0.0/99")]
    [InlineData("basic:bob")]
    [InlineData("basic:bob:short")]
    [InlineData("client:")]
    [InlineData("room:")]
    [InlineData("signed-in:yes")]
    [InlineData("public,,public")]
    public async Task A_rule_that_is_none_is_refused_and_no_password_is_in_the_sentence(string rule)
    {
        await using var rig = await GateRig.StartAsync();

        (await FluentActions.Awaiting(() => rig.OpenAsync(rule)).Should().ThrowAsync<DuplexityException>()).Which.Error.Should()
            .Match<DuplexityError>(e => e.Code == Errors.InvalidPipe.Code && e.Sentence.StartsWith("visitors: ") && !e.Sentence.Contains("short"));
    }

    [Fact]
    public async Task The_operator_says_what_a_pipe_is_that_says_nothing_and_may_forbid_public_ones()
    {
        await using var rig = await GateRig.StartAsync(s =>
        {
            s.Settings["Duplexity:Pipes:Visitors"] = "bearer";
            s.Settings["Duplexity:Pipes:MayBePublic"] = "false";
        });
        await rig.Owner.Pipes.OpenAsync("cat1", rig.Resource).Soon();

        (await rig.GetAsync()).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await FluentActions.Awaiting(() => rig.OpenAsync("public", "cat2")).Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(Errors.Denied.Code);
    }

    [Theory]
    [InlineData("client:*")]
    [InlineData("basic:bob:correct horse")]
    [InlineData("link")]
    [InlineData("bearer")]
    public async Task A_tcp_port_takes_no_rule_that_it_cannot_check(string rule)
    {
        await using var rig = await GateRig.StartAsync(s => s.TcpPorts = 1);

        (await FluentActions.Awaiting(() => rig.Owner.Pipes.OpenAsync(":", "tcp://127.0.0.1:9", new PipeOptions { Visitors = [rule] })).Should().ThrowAsync<DuplexityException>())
            .Which.Error.Sentence.Should().Contain("shows nothing of its visitors but their addresses");
    }

    [Theory]
    [InlineData("ip:127.0.0.0/8", true)]
    [InlineData("ip:10.0.0.0/8", false)]
    public async Task A_tcp_port_lets_in_by_address(string rule, bool isLet)
    {
        await using var rig = await GateRig.StartAsync(s => s.TcpPorts = 1);
        await rig.Owner.Pipes.OpenAsync(":", rig.Resource.Replace("http", "tcp", StringComparison.Ordinal), new PipeOptions { Visitors = [rule] }).Soon();
        async Task<string> VisitAsync()
        {
            await using var visitor = await Duplexity.Testing.RawVisitor.ConnectAsync(rig.Node.TcpPorts!.Value.First);
            await visitor.RequestAsync("GET / HTTP/1.1", "localhost");
            return await visitor.ReadHeadAsync();
        }

        if (isLet)
        {
            (await VisitAsync()).Should().StartWith("HTTP/1.1 200 ");
        }
        else
        {
            // Reset: while it connects, or before or after the request was written.
            (await FluentActions.Awaiting(VisitAsync).Should().ThrowAsync<Exception>()).Which.Should().Match(e => e is IOException || e is System.Net.Sockets.SocketException);
        }
    }

    internal static string? IdentityIn(string shown) => shown.Split('\n').FirstOrDefault(l => l.StartsWith("Duplexity-Identity: ", StringComparison.OrdinalIgnoreCase))?["Duplexity-Identity: ".Length..];
}
