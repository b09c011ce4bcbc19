using System.Net.WebSockets;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Security;

/// <summary>Secrets by their value: what a whole run logs, at every level, is searched for each one that was used.</summary>
[Trait("Guarantee", "G14")]
public sealed class CanaryTests
{
    [Fact]
    public async Task No_log_of_a_whole_run_has_a_token_or_a_ticket_at_any_level()
    {
        await using var node = await TestNode.StartAsync(setup => setup.LogLevel = LogLevel.Trace);
        await using var resource = new RawResource(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        });

        // A client of our own hand, to see each secret as it passes.
        var token = node.Token("todd");
        await using var control = await RawHub.ConnectAsync(node, $"control?session=s1&access_token={token}", token: null);
        var discovered = await control.AskAsync("Discover", new { clientId = "todd", session = "s1" });
        var ticket = discovered.GetProperty("ticket").GetString()!;
        await using var data = await RawHub.ConnectAsync(node, $"data?session=s1&access_token={token}", token: null);
        await data.AskAsync("Open", new { session = "s1", ticket, pipes = new[] { new { name = "cat1", resource = $"http://{resource.Authority}" } } });
        var registered = await control.EventAsync("PipesAreRegistered");
        registered.TryGetProperty("error", out _).Should().BeFalse(registered.ToString());
        var visit = node.VisitAsync("cat1");
        var order = await control.EventAsync("Carry");
        var carry = order.GetProperty("ticket").GetString()!;
        order.GetProperty("uri").GetString().Should().NotContain(carry, "a path is in every access log");
        using (var carrier = new ClientWebSocket())
        {
            carrier.Options.SetRequestHeader("Authorization", $"Bearer {token}");
            carrier.Options.SetRequestHeader(Protocol.Wire.CarryHeader, carry);
            await carrier.ConnectAsync(new UriBuilder(order.GetProperty("uri").GetString()!) { Scheme = "ws" }.Uri, CancellationToken.None).Soon();
            var buffer = new byte[16 * 1024];
            (await carrier.ReceiveAsync(buffer.AsMemory(), CancellationToken.None).Soon()).Count.Should().BeGreaterThan(0);
            await carrier.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray(), WebSocketMessageType.Binary, true, CancellationToken.None);
            using var response = await visit.Soon();
            ((int)response.StatusCode).Should().Be(200);
        }

        // And the SDK, whose own logs count too.
        var clientLogs = new LogWatch();
        using var factory = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(clientLogs));
        var sdkToken = node.Token("amy");
        await using (var amy = await node.ConnectAsync("amy", o => o with { LoggerFactory = factory, Token = _ => ValueTask.FromResult<string?>(sdkToken) }))
        {
            await using var pipe = await amy.Pipes.OpenAsync("cat2", resource.Authority);
            using var response = await node.VisitAsync("cat2");
            await amy.SendAsync(Address.Room("lobby"), "a body that nobody else should read");
        }

        string[] canaries = [token, ticket, carry, sdkToken, "a body that nobody else should read"];
        var all = node.Logs.Lines.Concat(clientLogs.Lines).ToList();
        all.Should().HaveCountGreaterThan(100, "a run at Trace has much to say");
        all.Where(line => !IsTheFrameworksOwnRequestLine(line) && canaries.Any(canary => line.ToString().Contains(canary, StringComparison.Ordinal)))
            .Select(line => $"{line.Category}: {line.Event.Name}").Distinct().Should().BeEmpty();
    }

    [Fact]
    public async Task The_service_and_the_command_line_print_no_secret()
    {
        await using var service = await RealService.StartAsync();
        await using var app = await EchoApp.StartAsync();
        await service.UpAsync("todd", $"cat1=127.0.0.1:{app.Port}");
        using var visitor = service.Visitor("cat1");
        await visitor.GetStringAsync("/app/where");
        var send = service.Cli("amy", "send", "lobby", "hello");
        (await send.ExitAsync()).Should().Be(0, send.Output);
        var secrets = Directory.EnumerateFiles(service.Home, "*.secret", SearchOption.AllDirectories).Select(file => File.ReadAllText(file).Trim()).ToList();

        secrets.Should().ContainSingle();
        service.AllOutput.Should().NotContain("access_token").And.NotMatchRegex(@"eyJ[\w-]+\.eyJ", "that would be a JWT").And.NotContain(secrets[0]);
    }

    /// <summary>
    /// ASP.NET Core's "Request starting …" has the query, and browsers cannot send a token in any other way. It is the application's own log; the service turns
    /// it off, which the other test shows.
    /// </summary>
    private static bool IsTheFrameworksOwnRequestLine(LogLine line) => line.Category == "Microsoft.AspNetCore.Hosting.Diagnostics";
}
