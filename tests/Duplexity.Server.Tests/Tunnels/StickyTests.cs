using Duplexity.Protocol;
using Duplexity.Server.Tunnels;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

/// <summary>Visitors of a shared name who stay with the session that served them first.</summary>
public sealed class StickyTests
{
    [Fact]
    public async Task A_sticky_visitor_stays_and_the_resource_sees_its_own_cookies_only()
    {
        await using var one = Cookies("one");
        await using var two = Cookies("two");
        await using var host = await TunnelHost.StartAsync();
        var first = host.Connect(session: "one");
        await first.ServeAsync(Sticky(one));
        await host.Connect(session: "two").ServeAsync(Sticky(two));
        using var visitor = host.Visitor();
        using var begun = await visitor.GetAsync("/");
        var served = (await begun.Content.ReadAsStringAsync()).Split(' ')[0];
        var cookies = begun.Headers.GetValues("Set-Cookie").ToArray();
        cookies.Should().HaveCount(2).And.Contain("own=1");
        var given = cookies.Single(c => c.StartsWith(StickyCookie.Name, StringComparison.Ordinal));
        given.Should().EndWith("; Path=/; HttpOnly; SameSite=Lax").And.NotContain(served);

        for (var i = 0; i < 6; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/");
            request.Headers.TryAddWithoutValidation("Cookie", $"a=b; {given.Split(';')[0]}; c=\"d\"");
            using var answer = await visitor.SendAsync(request);
            (await answer.Content.ReadAsStringAsync()).Should().Be($"{served} a=b; c=\"d\"");
            answer.Headers.GetValues("Set-Cookie").Should().Equal("own=1");
        }

        using var forged = new HttpRequestMessage(HttpMethod.Get, "/");
        forged.Headers.TryAddWithoutValidation("Cookie", $"{StickyCookie.Name}=nobody");
        using var anyone = await visitor.SendAsync(forged);
        (await anyone.Content.ReadAsStringAsync()).Should().MatchRegex("^(one|two) $");
        anyone.Headers.GetValues("Set-Cookie").Should().HaveCount(2);
    }

    [Fact]
    public async Task A_sticky_visitor_whose_session_is_gone_is_served_by_another_and_stays_there()
    {
        await using var one = RawServer.Named("one");
        await using var two = RawServer.Named("two");
        await using var host = await TunnelHost.StartAsync();
        var (first, second) = (host.Connect(session: "one"), host.Connect(session: "two"));
        await first.ServeAsync(Sticky(one));
        await second.ServeAsync(Sticky(two));
        using var visitor = host.Visitor();
        using var begun = await visitor.GetAsync("/");
        var served = await begun.Content.ReadAsStringAsync();
        var cookie = begun.Headers.GetValues("Set-Cookie").Single().Split(';')[0];

        (served == "one" ? first : second).Kill();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.TryAddWithoutValidation("Cookie", cookie);
        using var moved = await visitor.SendAsync(request);

        (await moved.Content.ReadAsStringAsync()).Should().Be(served == "one" ? "two" : "one");
        moved.Headers.GetValues("Set-Cookie").Single().Should().StartWith(StickyCookie.Name).And.NotStartWith(cookie);
    }

    [Theory]
    [InlineData("cat1", null)]
    [InlineData(":7001", true)]
    public async Task Sticky_goes_with_a_shared_hostname(string name, bool? share)
    {
        await using var host = await TunnelHost.StartAsync(o => o.Pipes.Ports = "7001");
        PipeRegistration pipe = new() { Name = name, Resource = name == "cat1" ? "http://localhost:9" : "tcp://localhost:9", Share = share, Sticky = true };

        (await host.Pipes.RegisterAsync(host.Connect().Session, TunnelHost.Everything, [pipe], CancellationToken.None)).Error!.Code.Should().Be(108);
    }

    private static PipeRegistration Sticky(RawServer resource) => new() { Name = "cat1", Resource = resource.Resource, Share = true, Sticky = true };

    private static RawServer Cookies(string name) => new(async (c, _) =>
    {
        while (await c.ReadHeadAsync() is { Length: > 0 } head)
        {
            var cookie = head.Split("\r\n").FirstOrDefault(l => l.StartsWith("Cookie: ", StringComparison.Ordinal))?["Cookie: ".Length..];
            var text = $"{name} {cookie}";
            await c.SendAsync($"HTTP/1.1 200 OK\r\nSet-Cookie: own=1\r\nContent-Length: {text.Length}\r\n\r\n{text}");
        }
    });
}
