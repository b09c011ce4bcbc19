using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Claims;
using System.Text;
using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

/// <summary>Pipes without a public name, which clients dial.</summary>
public sealed class PrivatePipeTests
{
    [Fact]
    [Trait("Requirement", "3.2")]
    public async Task What_is_dialled_reaches_the_resource_and_each_direction_ends_by_itself()
    {
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.SendAsync("220 hello\r\n"); // greets first, as sshd and MySQL do
            var all = await c.ReadAllAsync(); // the dialler's end arrives as an end
            await c.SendAsync($"got {all.Length}");
        });
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await using var pipe = await amy.Pipes.OpenAsync("db", $"tcp://127.0.0.1:{resource.Port}", new PipeOptions { Private = true, Exchanges = true }).Soon();
        await using var phone = await node.ConnectAsync("amy");

        await using var stream = await phone.Pipes.DialAsync("db").Soon();
        (await ReadAsync(stream, 11)).Should().Be("220 hello\r\n");
        await stream.WriteAsync(new byte[200_000]).AsTask().Soon();
        await stream.CompleteWritesAsync().Soon();
        (await ReadAsync(stream, 10)).Should().Be("got 200000");
        (await stream.ReadAsync(new byte[1]).Soon()).Should().Be(0);

        (pipe.Name, pipe.Url.AbsoluteUri).Should().Be(("amy/db", "duplexity:amy/db"));
        var told = pipe.Exchanges.GetAsyncEnumerator();
        (await told.MoveNextAsync().Soon()).Should().BeTrue();
        (told.Current.Method, told.Current.Status).Should().Be((null, null), "as a connection of a TCP pipe");
        (await amy.Pipes.ListAsync().Soon()).Should().ContainSingle(p => p.Name == "amy/db" && p.Use.Exchanges == 1);
    }

    [Fact]
    public async Task An_http_resource_can_be_dialled_too_and_a_reset_stays_a_break()
    {
        await using var resource = new RawServer(async (c, n) =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
            c.Socket.LingerState = new LingerOption(true, 0);
            c.Socket.Dispose();
        });
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("web", resource.Resource, new PipeOptions { Private = true }).Soon();

        await using var stream = await amy.Pipes.DialAsync("web").Soon();
        await stream.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray()).AsTask().Soon();
        (await ReadAsync(stream, 40)).Should().EndWith("hi");

        await FluentActions.Awaiting(() => stream.ReadAsync(new byte[1]).AsTask().Soon()).Should().ThrowAsync<IOException>();
    }

    [Theory]
    [InlineData(null, "ben", false)]
    [InlineData("client:ben", "ben", true)]
    [InlineData("client:ben", "bennett", false)]
    [InlineData("client:cleo, client:b*", "ben", true)]
    [InlineData("signed-in", "ben", true)]
    [InlineData("client:ben", "amy", true)]
    [Trait("Guarantee", "G25")]
    public async Task Who_may_dial_is_the_owner_and_whom_a_rule_lets_in(string? visitors, string client, bool may)
    {
        await using var resource = new RawServer((c, _) => c.SendAsync("x"));
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("db", $"tcp://127.0.0.1:{resource.Port}", new PipeOptions { Private = true, Visitors = visitors is null ? null : [visitors] }).Soon();
        await using var dialler = await node.ConnectAsync(client);

        (await dialler.Pipes.MayDialAsync("amy/db").Soon()).Should().Be(may);
        if (may)
        {
            await using var stream = await dialler.Pipes.DialAsync("amy/db").Soon();
            (await ReadAsync(stream, 1)).Should().Be("x");
            return;
        }

        var refused = await FluentActions.Awaiting(() => dialler.Pipes.DialAsync("amy/db").Soon()).Should().ThrowAsync<DuplexityException>();
        refused.Which.Error.Name.Should().Be("unknown_destination");
        resource.Connections.Should().Be(0);
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task What_is_not_there_what_is_not_for_one_and_what_cannot_be_a_name_are_answered_alike()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("db", "tcp://127.0.0.1:1", new PipeOptions { Private = true, Visitors = ["client:cleo"] }).Soon();
        await amy.Pipes.OpenAsync("web", "http://127.0.0.1:1").Soon();

        var answers = new List<string>();
        foreach (var name in (string[])["amy/db", "amy/none", "nobody/db", "web", "amy/web", "web.localhost", "amy/web.localhost", "/", "", "a/b/c", "%00"])
        {
            foreach (var upgrade in (bool[])[true, false])
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, $"data/dial?pipe={Uri.EscapeDataString(name)}");
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", node.Token("ben"));
                if (upgrade)
                {
                    request.Headers.Connection.Add("Upgrade");
                    request.Headers.Upgrade.Add(new("websocket"));
                    request.Headers.TryAddWithoutValidation("Sec-WebSocket-Version", "13");
                    request.Headers.TryAddWithoutValidation("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==");
                }

                using var answer = await node.Http.SendAsync(request).Soon();
                answer.Headers.Date = null;
                answers.Add($"{answer.StatusCode} {answer.Headers}{answer.Content.Headers}{await answer.Content.ReadAsStringAsync()}");
            }
        }

        answers.Distinct().Should().ContainSingle().Which.Should().StartWith("NotFound");
        using var nobody = await node.Http.GetAsync("data/dial?pipe=amy/db").Soon();
        nobody.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        using var page = new HttpRequestMessage(HttpMethod.Get, "data/dial?pipe=amy/db");
        page.Headers.Add("Origin", "https://evil.example");
        page.Headers.Authorization = new AuthenticationHeaderValue("Bearer", node.Token("amy"));
        using var foreign = await node.Http.SendAsync(page).Soon();
        foreign.StatusCode.Should().Be(HttpStatusCode.Forbidden, "a page that may not use the service dials nothing");
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    public async Task A_private_pipe_has_no_public_name_and_each_client_has_its_own_names()
    {
        await using var resource = new RawServer((c, _) => c.SendAsync("a"));
        await using var other = new RawServer((c, _) => c.SendAsync("b"));
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await using var ben = await node.ConnectAsync("ben");
        await amy.Pipes.OpenAsync("db", $"tcp://127.0.0.1:{resource.Port}", new PipeOptions { Private = true }).Soon();
        await ben.Pipes.OpenAsync("db", $"tcp://127.0.0.1:{other.Port}", new PipeOptions { Private = true }).Soon();

        await using var amys = await amy.Pipes.DialAsync("db").Soon();
        await using var bens = await ben.Pipes.DialAsync("ben/db").Soon();
        (await ReadAsync(amys, 1)).Should().Be("a");
        (await ReadAsync(bens, 1)).Should().Be("b");
        using var visit = await node.VisitAsync("db").Soon();
        visit.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("a.b", "tcp://localhost:1", null)]
    [InlineData(":7001", "tcp://localhost:1", null)]
    [InlineData("ben/db", "tcp://localhost:1", null)]
    [InlineData("", "nonsense://x", null)]
    [InlineData("db", "tcp://localhost:1", "public")]
    [InlineData("db", "tcp://localhost:1", "client:")]
    [InlineData("db", "tcp://localhost:1", "signed-in,")]
    public async Task What_a_private_pipe_cannot_be_is_refused(string name, string resource, string? visitors)
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DiscoveredAsync(node, "amy");

        var answer = await amy.InvokeAsync<PipesResponse>("RegisterPipes", new RegisterPipesRequest { Pipes = [new() { Name = name, Resource = resource, Private = true, Visitors = visitors }] });

        answer.Error!.Code.Should().Be(108);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Guarantee", "G8")]
    public async Task A_dial_ends_with_the_revocation_of_whoever_dialled_and_of_whoever_serves(bool isDialler)
    {
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.SendAsync("x");
            await c.ReadAllAsync();
        });
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("db", $"tcp://127.0.0.1:{resource.Port}", new PipeOptions { Private = true, Visitors = ["client:ben"] }).Soon();
        await using var ben = await node.ConnectAsync("ben");
        await using var stream = await ben.Pipes.DialAsync("amy/db").Soon();
        (await ReadAsync(stream, 1)).Should().Be("x");

        await node.Services.GetRequiredService<Revocations>().RevokeClientAsync(isDialler ? "ben" : "amy", null, CancellationToken.None).Soon();

        await FluentActions.Awaiting(() => stream.ReadAsync(new byte[1]).AsTask().Soon()).Should().ThrowAsync<IOException>();
    }

    [Fact]
    [Trait("Guarantee", "G21")]
    public async Task Who_is_forced_out_between_the_services_gate_and_the_dial_dials_nothing()
    {
        await using var resource = new RawServer((c, _) => c.SendAsync("x"));
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("db", $"tcp://127.0.0.1:{resource.Port}", new PipeOptions { Private = true, Visitors = ["signed-in"] }).Soon();
        await node.Services.GetRequiredService<Blocks>().KeepAwayAsync("ben", null, TimeSpan.FromMinutes(1));

        // The service's gate has let ben in; this is what comes behind it.
        var blocked = await DialAsync("ben");
        var free = await DialAsync("cleo");

        (blocked.StatusCode, blocked.Headers.RetryAfter.ToString()).Should().Be((StatusCodes.Status403Forbidden, "60"));
        free.StatusCode.Should().Be(StatusCodes.Status426UpgradeRequired, "to whom it is open, and who asked without an upgrade");

        async Task<HttpResponse> DialAsync(string client)
        {
            var context = new DefaultHttpContext { RequestServices = node.Services };
            context.Request.QueryString = new("?pipe=amy/db");
            context.Features.Set(new Duplexity.Server.Sockets.Identity(client, null, "", null, new ClaimsPrincipal()) { IssuedAt = DateTimeOffset.UtcNow });
            await node.Services.GetRequiredService<DialEndpoint>().HandleAsync(context);
            return context.Response;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Guarantee", "G21")]
    public async Task A_node_that_missed_a_forced_disconnect_makes_up_for_it_when_it_reads_all_again(bool isConnected)
    {
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.SendAsync("x");
            await c.ReadAllAsync();
        });
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("db", $"tcp://127.0.0.1:{resource.Port}", new PipeOptions { Private = true, Visitors = ["signed-in"] }).Soon();
        await using var ben = await node.ConnectAsync("ben");
        await using var stream = await ben.Pipes.DialAsync("amy/db").Soon();
        await ReadAsync(stream, 1);
        if (!isConnected)
        {
            await ben.DisposeAsync().AsTask().Soon();
        }

        await node.Services.GetRequiredService<Blocks>().KeepAwayAsync("ben", null, TimeSpan.FromMinutes(1));
        if (isConnected)
        {
            await node.Services.GetRequiredService<ForcedDisconnects>().RereadAsync();
            node.Services.GetRequiredService<SocketIndex>().OfClient("ben").Should().BeEmpty();
        }
        else
        {
            await node.Services.GetRequiredService<Revocations>().RereadAsync();
        }

        await FluentActions.Awaiting(() => stream.ReadAsync(new byte[1]).AsTask().Soon()).Should().ThrowAsync<IOException>();
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task A_dial_ends_when_its_client_is_forced_out_and_when_the_pipe_is_removed()
    {
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.SendAsync("x");
            await c.ReadAllAsync();
        });
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        var pipe = await amy.Pipes.OpenAsync("db", $"tcp://127.0.0.1:{resource.Port}", new PipeOptions { Private = true, Visitors = ["signed-in"] }).Soon();
        await using var ben = await node.ConnectAsync("ben");
        await using var cleo = await node.ConnectAsync("cleo");
        await using var forced = await ben.Pipes.DialAsync("amy/db").Soon();
        await using var removed = await cleo.Pipes.DialAsync("amy/db").Soon();
        await ReadAsync(forced, 1);
        await ReadAsync(removed, 1);

        await node.Services.GetRequiredService<IDuplexity>().DisconnectAsync(Address.Client("ben"), "enough").Soon();
        await FluentActions.Awaiting(() => forced.ReadAsync(new byte[1]).AsTask().Soon()).Should().ThrowAsync<IOException>();
        await pipe.DisposeAsync().AsTask().Soon();
        await FluentActions.Awaiting(() => removed.ReadAsync(new byte[1]).AsTask().Soon()).Should().ThrowAsync<IOException>();
        (await cleo.Pipes.MayDialAsync("amy/db").Soon()).Should().BeFalse();
    }

    [Fact]
    public async Task A_resource_that_is_not_there_is_said_so_and_one_who_shares_is_dialled_instead_next_time()
    {
        await using var well = new RawServer((c, _) => c.SendAsync("x"));
        await using var node = await TestNode.StartAsync(s => s.Time = new FakeTimeProvider(DateTimeOffset.UtcNow)); // who is passed over stays so
        await using var laptop = await node.ConnectAsync("amy");
        await using var desktop = await node.ConnectAsync("amy");
        await laptop.Pipes.OpenAsync("db", $"tcp://127.0.0.1:{FreePorts.One()}", new PipeOptions { Private = true, Share = true }).Soon();
        await desktop.Pipes.OpenAsync("db", $"tcp://127.0.0.1:{well.Port}", new PipeOptions { Private = true, Share = true }).Soon();

        var failed = 0;
        for (var i = 0; i < 4; i++)
        {
            if (!await IsServedAsync())
            {
                failed++;
                await Wait.UntilAsync(() => node.Services.GetRequiredService<BackendRegistry>().ReadAllAsync("amy/db", default).AsTask(), all => all.Any(e => node.Services.GetRequiredService<CarrierPools>().Of(e)!.IsOut));
            }
        }

        failed.Should().Be(1);

        async Task<bool> IsServedAsync()
        {
            await using var stream = await laptop.Pipes.DialAsync("db").Soon();
            try
            {
                return await ReadAsync(stream, 1) == "x";
            }
            catch (IOException e)
            {
                e.Message.Should().Contain("could not reach its resource");
                return false;
            }
        }
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task One_client_has_so_many_dials_at_most_and_others_have_theirs()
    {
        await using var resource = new RawServer((c, _) => c.ReadAllAsync());
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Limits.DialsPerClient = 2);
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("db", $"tcp://127.0.0.1:{resource.Port}", new PipeOptions { Private = true, Visitors = ["client:ben"] }).Soon();
        await using var ben = await node.ConnectAsync("ben");
        await using var one = await ben.Pipes.DialAsync("amy/db").Soon();
        await using var two = await ben.Pipes.DialAsync("amy/db").Soon();

        var refused = await FluentActions.Awaiting(() => ben.Pipes.DialAsync("amy/db").Soon()).Should().ThrowAsync<DuplexityException>();

        refused.Which.Kind.Should().Be(ErrorKind.Limit);
        await using var amys = await amy.Pipes.DialAsync("db").Soon();
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task What_its_owner_allows_of_a_private_pipe_is_all_that_one_may_use()
    {
        await using var resource = new RawServer((c, _) => c.ReadAllAsync());
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("db", $"tcp://127.0.0.1:{resource.Port}", new PipeOptions { Private = true, Visitors = ["signed-in"], Limits = new VisitorLimits { Concurrent = 1 } }).Soon();
        await using var ben = await node.ConnectAsync("ben");
        await using var one = await ben.Pipes.DialAsync("amy/db").Soon();

        var refused = await FluentActions.Awaiting(() => ben.Pipes.DialAsync("amy/db").Soon()).Should().ThrowAsync<DuplexityException>();

        refused.Which.Kind.Should().Be(ErrorKind.Limit);
        await using var amys = await amy.Pipes.DialAsync("db").Soon();
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task A_clients_private_names_are_neither_hosts_nor_above_or_below_anothers()
    {
        await using var resource = new RawServer((c, _) => c.SendAsync("x"));
        await using var node = await TestNode.StartAsync();
        foreach (var client in (string[])["team.example", "a.team.example", "cat1.localhost"])
        {
            await using var own = await node.ConnectAsync(client);
            await own.Pipes.OpenAsync("db", $"tcp://127.0.0.1:{resource.Port}", new PipeOptions { Private = true }).Soon();
            await using var stream = await own.Pipes.DialAsync("db").Soon();
            (await ReadAsync(stream, 1)).Should().Be("x");
        }
    }

    private static async Task<string> ReadAsync(Stream stream, int count)
    {
        var bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes).AsTask().Soon();
        return Encoding.Latin1.GetString(bytes);
    }
}
