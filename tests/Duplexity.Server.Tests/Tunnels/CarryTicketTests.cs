using System.Net;
using System.Net.WebSockets;
using Duplexity.Carriers;
using Duplexity.Protocol;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

[Trait("Guarantee", "G14")]
public sealed class CarryTicketTests
{
    [Theory]
    [InlineData("other client")]
    [InlineData("used")]
    [InlineData("altered")]
    [InlineData("absent")]
    [InlineData("twice in one request")]
    [InlineData("expired")]
    [InlineData("session over")]
    [InlineData("pipe removed")]
    [InlineData("pipe taken over")]
    public async Task A_ticket_that_is_not_good_is_refused_like_any_other(string how)
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await TunnelHost.StartAsync(time: time);
        var client = host.Connect();
        var ordered = new TaskCompletionSource<CarryOrder>(TaskCreationOptions.RunContinuationsAsynchronously);
        client.OnCarry = order =>
        {
            ordered.TrySetResult(order);
            return Task.CompletedTask;
        };
        await client.ServeAsync("cat1", "http://localhost:9");
        using var visitor = host.Visitor();
        var visit = visitor.GetAsync("/");
        var order = await ordered.Task.WaitAsync(TunnelHost.Patience);
        new Uri(order.Uri).Query.Should().NotContain(order.Ticket);

        string[] tickets = [order.Ticket];
        var bearer = "amy";
        switch (how)
        {
            case "other client":
                bearer = "ben";
                break;
            case "used":
                using (var first = await DialAsync(order.Uri, bearer, tickets))
                {
                    first.State.Should().Be(WebSocketState.Open);
                    break;
                }
            case "altered":
                tickets = [(order.Ticket[0] == 'A' ? 'B' : 'A') + order.Ticket[1..]];
                break;
            case "absent":
                tickets = [];
                break;
            case "twice in one request":
                tickets = [order.Ticket, order.Ticket];
                break;
            case "expired":
                time.Advance(TimeSpan.FromSeconds(11));
                (await visit).StatusCode.Should().Be(HttpStatusCode.GatewayTimeout);
                break;
            case "session over":
                await host.Sessions.EndAsync(client.Session);
                (await visit).StatusCode.Should().Be(HttpStatusCode.BadGateway);
                break;
            case "pipe removed":
                await host.Pipes.RemoveAsync(client.Session, null, CancellationToken.None);
                (await visit).StatusCode.Should().Be(HttpStatusCode.BadGateway);
                break;
            case "pipe taken over":
                await host.Connect(session: "desktop").ServeAsync("cat1", "http://localhost:9");
                (await visit).StatusCode.Should().Be(HttpStatusCode.BadGateway);
                break;
        }

        var refused = await RefusedAsync(order.Uri, bearer, tickets);
        refused.Status.Should().Be(HttpStatusCode.Forbidden);
        refused.Body.Should().BeEmpty();
    }

    [Fact]
    public async Task Nobody_gets_in_without_being_somebody()
    {
        await using var host = await TunnelHost.StartAsync();

        (await RefusedAsync(new Uri(host.Base, "data/carry").AbsoluteUri, "", ["x"])).Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Theory]
    [InlineData("http://evil.example/data/carry?node=n", "http://hub.example", false)]
    [InlineData("http://hub.example:81/data/carry", "http://hub.example", false)]
    [InlineData("http://hub.example/data/carry", "https://hub.example", false)]
    [InlineData("http://hub.example/data/carry", "https://other.example http://hub.example", false)]
    [InlineData("http://user@hub.example/data/carry", "http://hub.example", false)]
    [InlineData("file:///etc/passwd", "http://hub.example", false)]
    [InlineData("no uri", "http://hub.example", false)]
    [InlineData("http://HUB.example:80/data/carry", "http://hub.example", true)]
    public async Task An_order_that_names_an_origin_that_was_not_listed_is_not_dialled(string uri, string origins, bool may)
    {
        var asked = false;
        var outcome = await Carrier.RunAsync(
            new CarryOrder { Uri = uri, Ticket = "t" },
            Resource.Parse("3000"),
            origins.Split(' '),
            _ =>
            {
                asked = true;
                throw new IOException("Nothing is dialled in this test.");
            },
            CancellationToken.None);

        asked.Should().Be(may, "the token is for listed origins only");
        (outcome == CarrierOutcome.OrderRefused).Should().Be(!may);
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        await using var elsewhere = new RawServer((_, _) => Task.CompletedTask);
        await using var node = new RawServer(async (c, _) =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync($"HTTP/1.1 307 x\r\nLocation: {elsewhere.Resource}/data/carry\r\nContent-Length: 0\r\n\r\n");
        });

        var outcome = await Carrier.RunAsync(
            new CarryOrder { Uri = node.Resource + "/data/carry", Ticket = "t" }, Resource.Parse("3000"), [node.Resource], _ => new("amy"), CancellationToken.None);

        outcome.Should().Be(CarrierOutcome.NodeAway);
        elsewhere.Connections.Should().Be(0);
    }

    private static async Task<ClientWebSocket> DialAsync(string uri, string bearer, string[] tickets)
    {
        var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        if (bearer.Length > 0)
        {
            socket.Options.SetRequestHeader("Authorization", "Bearer " + bearer);
        }

        if (tickets.Length > 0)
        {
            socket.Options.SetRequestHeader(Wire.CarryHeader, string.Join(',', tickets));
        }

        await socket.ConnectAsync(new UriBuilder(uri) { Scheme = "ws" }.Uri, CancellationToken.None).WaitAsync(TunnelHost.Patience);
        return socket;
    }

    private static async Task<(HttpStatusCode Status, string Body)> RefusedAsync(string uri, string bearer, string[] tickets)
    {
        using var visitor = await RawTo(new Uri(uri));
        var lines = string.Concat(tickets.Select(t => $"{Wire.CarryHeader}: {t}\r\n"));
        var authorization = bearer.Length > 0 ? $"Authorization: Bearer {bearer}\r\n" : "";
        await visitor.SendAsync(
            $"GET {new Uri(uri).PathAndQuery} HTTP/1.1\r\nHost: {new Uri(uri).Authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            + $"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{authorization}{lines}\r\n");
        var head = await visitor.ReadHeadAsync();
        head.Should().Contain("Content-Length: 0\r\n");
        return ((HttpStatusCode)int.Parse(head.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture), "");
    }

    private static async Task<RawVisitor> RawTo(Uri uri)
    {
        var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, uri.Port);
        return new(socket);
    }
}
