using Duplexity.AspNetCore;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.AspNetCore;

/// <summary><c>builder.AddDuplexityPipe("app")</c>.</summary>
public sealed class PublicAppTests
{
    [Fact]
    [Trait("Requirement", "2.3")]
    public async Task An_application_is_public_once_it_has_started_and_not_any_more_when_it_stops()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Times.SessionGrace = TimeSpan.FromHours(1));
        await using var app = await PublicApp.StartAsync(As(node, "todd"));

        (await app.PublicAsync()).Text.Should().Contain($"http://app.localhost:{node.Port}/").And.Contain($"http://127.0.0.1:{app.Port}");
        (await VisitAsync(node)).Should().Be($"http app.localhost:{node.Port} 127.0.0.1");
        await app.StopAsync();

        await Wait.UntilAsync(() => VisitAsync(node), seen => seen == "404"); // who stops does not wait for ever until the name is given back
    }

    [Fact]
    public async Task A_request_that_is_under_way_when_the_application_stops_gets_its_answer()
    {
        await using var node = await TestNode.StartAsync();
        await using var app = await PublicApp.StartAsync(As(node, "todd"));
        await app.PublicAsync();
        var visit = node.VisitAsync("app", "/slow");
        await app.Slow.Task.Soon();

        var stopping = app.StopAsync();
        app.GoOn.SetResult();

        using var answer = await visit.Soon();
        (await answer.Content.ReadAsStringAsync()).Should().Be("finished");
        await stopping;
    }

    [Fact]
    [Trait("Guarantee", "G15")]
    public async Task What_the_front_says_of_a_visitor_is_believed_on_the_pipes_own_connections_and_on_no_others()
    {
        await using var node = await TestNode.StartAsync(n => n.Settings["Duplexity:TrustedProxies:0"] = "127.0.0.1");
        await using var app = await PublicApp.StartAsync(o =>
        {
            As(node, "todd")(o);
            o.Pipe = new PipeOptions { HostHeader = "resource" };
            o.Proxies = 1;
        });
        await app.PublicAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, node.Listening);
        request.Headers.Add("X-Forwarded-For", "6.6.6.6, 192.0.2.7");
        request.Headers.Add("X-Forwarded-Proto", "https");

        using var answer = await node.VisitAsync("app", request).Soon();
        (await answer.Content.ReadAsStringAsync()).Should().Be($"https app.localhost:{node.Port} 192.0.2.7", "that is whom the operator's own proxy saw");
        app.CameThrough.Should().NotBeNull();

        (await app.AskAsync("/", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: app.localhost")).Should().Be("http here 127.0.0.1");
        app.CameThrough.Should().BeNull();
    }

    [Fact]
    public async Task A_service_that_is_away_does_not_hold_up_the_start_and_is_tried_until_it_is_there()
    {
        var port = FreePorts.One();
        var issuer = new TestIssuer();
        await using var app = await PublicApp.StartAsync(o =>
        {
            o.Server = new Uri($"http://127.0.0.1:{port}");
            o.Token = _ => ValueTask.FromResult<string?>(issuer.Token("todd", DateTimeOffset.UtcNow, TimeSpan.FromHours(1)));
            o.MaxRetryDelay = TimeSpan.FromMilliseconds(500);
        });
        await app.Logs.WaitForAsync("the first failure", l => l.Event.Name == "NotOpen");
        (await app.AskAsync("/")).Should().Be("http here 127.0.0.1");

        await using var node = await TestNode.StartAsync(n => (n.Url, n.Issuer) = ($"http://127.0.0.1:{port}", issuer));
        await app.PublicAsync();

        (await VisitAsync(node)).Should().StartWith("http app.localhost");
    }

    [Fact]
    public async Task Whoever_serves_the_name_from_elsewhere_later_has_it_and_the_application_lives_on_without()
    {
        await using var node = await TestNode.StartAsync();
        await using var first = await PublicApp.StartAsync(As(node, "todd"));
        await first.PublicAsync();

        await using var second = await PublicApp.StartAsync(As(node, "todd"));
        await second.PublicAsync();
        (await first.Logs.WaitForAsync("the end", l => l.Event.Name == "Over")).Text.Should().Contain("520");

        await VisitAsync(node);
        second.CameThrough.Should().NotBeNull();
        (await first.AskAsync("/")).Should().Be("http here 127.0.0.1");
    }

    [Theory]
    [InlineData("Production", "Duplexity:Server", "http://127.0.0.1:9", "DUPLEXITY_KEY")]
    [InlineData("Production", "Unrelated", "x", "Duplexity:Server")]
    [InlineData("Development", "Duplexity:Server", "hub.example.org", "not the address of a service")]
    public async Task What_cannot_be_served_by_its_settings_says_so_once_and_the_application_lives_on(string environment, string name, string value, string said)
    {
        await using var app = await PublicApp.StartAsync(null, null, environment, (name, value));

        (await app.Logs.WaitForAsync("why not", l => l.Event.Name == "NotServed")).Text.Should().Contain(said);
        (await app.AskAsync("/")).Should().Be("http here 127.0.0.1");
    }

    [Fact]
    [Trait("Guarantee", "G14")]
    public async Task A_key_does_not_go_over_the_line_in_the_clear()
    {
        await using var app = await PublicApp.StartAsync(null, null, "Production", ("Duplexity:Server", "http://192.0.2.1"), ("Duplexity:Key", "dxk_secret"));

        var line = await app.Logs.WaitForAsync("why not", l => l.Event.Name == "NotServed");
        line.Text.Should().Contain("in the clear").And.NotContain("dxk_secret");
    }

    [Theory]
    [InlineData("http://127.0.0.1:5000", "https://x:1", "http://127.0.0.1:5000")]
    [InlineData("https://localhost:5001", "http://[::]:5000", "http://localhost:5000")]
    [InlineData("https://*:5001", null, "https://localhost:5001")]
    [InlineData("http://+:80/", null, "http://localhost")]
    [InlineData("http://unix:/run/app.sock", null, "unix:/run/app.sock")]
    public void The_address_that_is_served_is_the_applications_first_plain_one(string first, string? second, string expected) =>
        OwnAddress.Of(second is null ? [first] : [first, second]).Should().Be(expected);

    private static Action<DuplexityPipeOptions> As(TestNode node, string client) => o => (o.Server, o.Token) = (node.Address, _ => ValueTask.FromResult<string?>(node.Token(client)));

    private static async Task<string> VisitAsync(TestNode node)
    {
        using var answer = await node.VisitAsync("app").Soon();
        return answer.IsSuccessStatusCode ? await answer.Content.ReadAsStringAsync() : $"{(int)answer.StatusCode}";
    }
}
