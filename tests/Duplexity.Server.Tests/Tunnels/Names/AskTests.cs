using System.Net;
using Duplexity.Host;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Names;

/// <summary>What a proxy is told that gets certificates by itself.</summary>
[Trait("Requirement", "2.11")]
public sealed class AskTests
{
    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task A_host_is_known_that_is_a_pipes_or_reserved_or_below_one_and_no_other_is()
    {
        await using var node = await StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", "localhost:9").Soon();
        await using var wild = await amy.Pipes.OpenAsync("*.shop", "localhost:9").Soon();
        await amy.Names.ReserveAsync("dog").Soon();
        await amy.Names.ReserveAsync("cow").Soon();
        await using (var away = await node.ConnectAsync("amy"))
        {
            await away.Pipes.OpenAsync("hook", "localhost:9", new PipeOptions { Offline = PipeOffline.Queue }).Soon();
        }

        await amy.Names.ReleaseAsync("cow").Soon();
        using var proxy = Proxy(node);

        foreach (var (host, isKnown) in new[]
        {
            ("cat1.localhost", true), ("CAT1.localhost.", true), ("a.shop.localhost", true), ("dog.localhost", true), ("a.dog.localhost", true), ("hook.localhost", true),
            ("shop.localhost", false), ("cat2.localhost", false), ("cow.localhost", false), ("example.com", false), ("localhost", false), ("*.shop.localhost", false), (":7000", false), ("", false), ("%00", false),
        })
        {
            (await AskAsync(proxy, $"?domain={host}")).Should().Be(isKnown ? HttpStatusCode.OK : HttpStatusCode.NotFound, host);
        }

        (await AskAsync(proxy, "")).Should().Be(HttpStatusCode.NotFound);
        (await AskAsync(proxy, "?domain=cat1.localhost&domain=cat1.localhost")).Should().Be(HttpStatusCode.NotFound);
        (await proxy.GetAsync("/data")).StatusCode.Should().Be(HttpStatusCode.NotFound, "nothing of the service answers there");
        (await node.Http.GetAsync("locate/ask?domain=cat1.localhost")).StatusCode.Should().Be(HttpStatusCode.NotFound, "and it answers nowhere else");
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task A_page_under_another_name_learns_nothing_and_questions_have_a_rate()
    {
        await using var node = await StartAsync(("Duplexity:Pipes:Ask:PerSecond", "3"));
        await using var amy = await node.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("cat1", "localhost:9").Soon();
        using var proxy = Proxy(node);
        using var rebound = new HttpRequestMessage(HttpMethod.Get, "/locate/ask?domain=cat1.localhost");
        rebound.Headers.Host = "rebind.test";

        (await proxy.SendAsync(rebound)).StatusCode.Should().Be(HttpStatusCode.NotFound);
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => AskAsync(proxy, "?domain=cat1.localhost")));

        answers.Should().Contain(HttpStatusCode.TooManyRequests).And.Contain(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("http://127.0.0.1:5085", false, true)]
    [InlineData("http://localhost:5085", false, true)]
    [InlineData("http://0.0.0.0:5085", false, false)]
    [InlineData("http://0.0.0.0:5085", true, true)]
    [InlineData("https://127.0.0.1:5085", false, false)]
    [InlineData("5085", false, false)]
    public void It_listens_on_loopback_unless_it_is_said_otherwise(string address, bool open, bool isGood) =>
        new HostAskOptionsCheck().Validate(null, new HostAskOptions { Address = address, Open = open }).Succeeded.Should().Be(isGood);

    private static Task<TestNode> StartAsync(params (string Name, string Value)[] settings) => TestNode.StartAsync(s =>
    {
        foreach (var (name, value) in settings.Prepend(("Duplexity:Pipes:Ask:Address", "http://127.0.0.1:0")))
        {
            s.Settings[name] = value;
        }

        s.Services = services => services.AddAsking(new ConfigurationBuilder().AddInMemoryCollection(s.Settings).Build());
    });

    private static HttpClient Proxy(TestNode node) => new() { BaseAddress = node.Services.GetRequiredService<AskListener>().Address };

    private static async Task<HttpStatusCode> AskAsync(HttpClient proxy, string query)
    {
        using var answer = await proxy.GetAsync($"/locate/ask{query}");
        return answer.StatusCode;
    }
}
