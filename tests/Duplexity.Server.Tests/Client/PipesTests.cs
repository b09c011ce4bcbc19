using System.Net;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Duplexity.Server.Tests.Client;

/// <summary>The SDK against a real node: public pipes.</summary>
public sealed class PipesTests
{
    [Fact]
    [Trait("Requirement", "2.32")]
    public async Task A_pipe_that_is_opened_serves_its_first_visitor_and_tells_of_the_visit()
    {
        await using var node = await TestNode.StartAsync();
        await using var site = await Site.StartAsync("hello from the laptop");
        await using var todd = await node.ConnectAsync("todd");

        var pipe = await todd.Pipes.OpenAsync("cat1", site.Resource, new PipeOptions { Exchanges = true }).Soon();
        using var answer = await node.VisitAsync("cat1", "/a?b=c").Soon();

        (await answer.Content.ReadAsStringAsync()).Should().Be("hello from the laptop");
        pipe.Name.Should().Be("cat1.localhost");
        pipe.Url.Should().Be(new Uri($"http://cat1.localhost:{node.Port}"));
        var exchanges = pipe.Exchanges.GetAsyncEnumerator();
        (await exchanges.MoveNextAsync().Soon()).Should().BeTrue();
        exchanges.Current.Should().Match<Exchange>(e => e.Method == "GET" && e.Target == "/a?b=c" && e.Status == 200 && e.LeftOut == 0);
        (await todd.Pipes.ListAsync().Soon()).Should().ContainSingle(p => p.Name == "cat1.localhost" && p.State == "serving");
    }

    [Fact]
    [Trait("Requirement", "2.31")]
    public async Task Declared_pipes_serve_when_connecting_returns()
    {
        await using var node = await TestNode.StartAsync();
        await using var site = await Site.StartAsync("both");
        await using var todd = node.Connection("todd");
        var first = todd.Pipes.Declare("one", site.Resource);
        var second = todd.Pipes.Declare(null, site.Resource);

        await todd.ConnectAsync().Soon();

        (await (await node.VisitAsync("one").Soon()).Content.ReadAsStringAsync()).Should().Be("both");
        (await (await node.VisitAsync(second.Name.Split('.')[0]).Soon()).Content.ReadAsStringAsync()).Should().Be("both");
        first.Closed.IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task A_name_of_another_client_refuses_all_that_was_declared()
    {
        await using var node = await TestNode.StartAsync();
        await using var site = await Site.StartAsync("mine");
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("taken", site.Resource).Soon();
        await using var todd = node.Connection("todd");
        todd.Pipes.Declare("free", site.Resource);
        todd.Pipes.Declare("taken", site.Resource);

        var refusal = await todd.Invoking(t => t.ConnectAsync().Soon()).Should().ThrowAsync<DuplexityException>();
        using var visit = await node.VisitAsync("free").Soon();

        refusal.Which.Code.Should().Be(Errors.NameTaken.Code);
        visit.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Pipes_come_back_after_the_line_was_cut_and_go_when_disposed()
    {
        await using var node = await TestNode.StartAsync();
        await using var site = await Site.StartAsync("still here");
        await using var line = new FaultyLine(node.Port);
        await using var todd = new DuplexityConnection(
            line.Address, new DuplexityConnectionOptions { Token = _ => ValueTask.FromResult<string?>(node.Token("todd")) });
        var declared = todd.Pipes.Declare("declared", site.Resource);
        await todd.ConnectAsync().Soon();
        await using var opened = await todd.Pipes.OpenAsync("opened", site.Resource).Soon();
        var before = todd.SocketId;

        var back = Wait.For<ConnectionStateChange>("ready again", ready => todd.StateChanged += c =>
        {
            if (c.Current == ConnectionState.Ready && todd.SocketId != before)
            {
                ready(c);
            }
        });
        line.Cut();
        await back;
        foreach (var name in new[] { "declared", "opened" })
        {
            using var answer = await node.VisitAsync(name).Soon();
            (await answer.Content.ReadAsStringAsync()).Should().Be("still here");
        }

        await declared.DisposeAsync().AsTask().Soon();
        using var gone = await node.VisitAsync("declared").Soon();
        gone.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await declared.Closed.Soon()).Should().BeNull();
    }

    [Fact]
    public async Task A_server_that_was_started_again_gets_its_clients_rooms_and_pipes_back()
    {
        var port = FreePorts.One();
        var issuer = new TestIssuer();
        Task<TestNode> StartAsync() => TestNode.StartAsync(n =>
        {
            n.Url = $"http://127.0.0.1:{port}";
            n.Issuer = issuer;
        });
        await using var site = await Site.StartAsync("as before");
        var node = await StartAsync();
        await using var todd = node.Connection("todd", o => o with { MaxReconnectDelay = TimeSpan.FromSeconds(1) });
        todd.Pipes.Declare("cat1", site.Resource);
        await todd.ConnectAsync().Soon();
        await using var room = await todd.JoinAsync("lobby");
        var reader = room.ReadAllAsync().GetAsyncEnumerator();
        await using var amy = await node.ConnectAsync("amy", o => o with { MaxReconnectDelay = TimeSpan.FromSeconds(1) });
        await amy.SendAsync(Address.Room("lobby"), "before").Soon();
        (await reader.MoveNextAsync().Soon()).Should().BeTrue();
        var gap = Wait.For<Gap>("the gap: this engine forgets", told => room.OnGap(told), TestTimeout.Long);
        var back = Wait.For<ConnectionStateChange>(
            "todd is back", ready => todd.StateChanged += c => (c is { Previous: ConnectionState.Reconnecting, Current: ConnectionState.Ready } ? ready : _ => { })(c), TestTimeout.Long);

        await node.DisposeAsync();
        await using var again = await StartAsync();
        await back;
        await gap;
        await amy.SendAsync(Address.Room("lobby"), "after").Soon();

        (await reader.MoveNextAsync().Soon()).Should().BeTrue();
        reader.Current.Text.Should().Be("after");
        (await (await again.VisitAsync("cat1").Soon()).Content.ReadAsStringAsync()).Should().Be("as before");
    }

    private sealed class Site(WebApplication app) : IAsyncDisposable
    {
        public string Resource => app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

        public static async Task<Site> StartAsync(string text)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var app = builder.Build();
            app.MapFallback(() => Results.Text(text));
            await app.StartAsync();
            return new Site(app);
        }

        public ValueTask DisposeAsync() => app.DisposeAsync();
    }
}
