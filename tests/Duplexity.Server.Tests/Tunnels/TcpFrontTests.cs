using System.Net.Sockets;
using System.Security.Cryptography;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

[Trait("Requirement", "3.4")]
public sealed class TcpFrontTests
{
    [Fact]
    public async Task Each_direction_ends_by_itself()
    {
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.SendAsync("220 hello\r\n"); // greets first, as sshd and SMTP do
            var all = await c.ReadAllAsync(); // the visitor's end arrives as an end
            await c.SendAsync($"got {all.Length}");
        });
        var port = FreePorts.One();
        await using var host = await TunnelHost.StartAsync(o => o.Pipes.Ports = $"{port}");
        var pipe = await host.Connect().ServeAsync(":", $"tcp://127.0.0.1:{resource.Port}");
        pipe.Should().BeEquivalentTo(new { Name = $":{port}", Url = $"tcp://localhost:{port}" });
        using var visitor = await host.RawAsync(port);

        (await visitor.ReadUntilAsync("\r\n")).Should().Be("220 hello\r\n");
        await visitor.SendAsync("12345");
        visitor.Socket.Shutdown(SocketShutdown.Send);

        (await visitor.ReadAllAsync()).Should().Be("got 5");
    }

    [Fact]
    public async Task A_reset_stays_a_reset()
    {
        var broken = new TaskCompletionSource<Exception?>();
        await using var resource = new RawServer(async (c, n) =>
        {
            await c.SendAsync("x");
            if (n == 1)
            {
                await c.ReadUntilAsync("y");
                c.Socket.LingerState = new LingerOption(true, 0);
                c.Socket.Dispose();
                return;
            }

            broken.SetResult(await Record.ExceptionAsync(c.ReadAllAsync));
        });
        var port = FreePorts.One();
        await using var host = await TunnelHost.StartAsync(o => o.Pipes.Ports = $"{port}");
        await host.Connect().ServeAsync($":{port}", $"tcp://127.0.0.1:{resource.Port}");

        using var first = await host.RawAsync(port);
        (await first.ReadUntilAsync("x")).Should().Be("x");
        await first.SendAsync("y");
        (await first.Invoking(f => f.ReadAllAsync()).Should().ThrowAsync<IOException>()).WithInnerException<SocketException>();

        using var second = await host.RawAsync(port);
        await second.ReadUntilAsync("x");
        second.Socket.LingerState = new LingerOption(true, 0);
        second.Socket.Dispose();
        (await broken.Task.WaitAsync(TunnelHost.Patience)).Should().BeAssignableTo<IOException>();
    }

    [Fact]
    public async Task Many_megabytes_arrive_whole_beside_a_visitor_who_does_not_read()
    {
        var piece = RandomNumberGenerator.GetBytes(1024 * 1024);
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.ReadUntilAsync("go");
            for (var i = 0; i < 50; i++)
            {
                await c.Stream.WriteAsync(piece);
            }
        });
        var port = FreePorts.One();
        await using var host = await TunnelHost.StartAsync(o => o.Pipes.Ports = $"{port}");
        await host.Connect().ServeAsync(":", $"tcp://127.0.0.1:{resource.Port}");
        using var stalled = await host.RawAsync(port);
        await stalled.SendAsync("go");
        using var visitor = await host.RawAsync(port);
        await visitor.SendAsync("go");
        using var expected = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = 0; i < 50; i++)
        {
            expected.AppendData(piece);
        }

        var hash = await SHA256.HashDataAsync(visitor.Stream).AsTask().WaitAsync(TunnelHost.Patience);

        hash.Should().Equal(expected.GetHashAndReset());
    }

    [Fact]
    public async Task Ports_are_this_servers_and_run_out()
    {
        var port = FreePorts.One();
        await using var host = await TunnelHost.StartAsync(o => o.Pipes.Ports = $"{port}-{port}");
        var client = host.Connect();

        async Task<int?> TryAsync(TunnelClient who, string name, string resource = "tcp://localhost:9") =>
            (await host.Pipes.RegisterAsync(who.Session, TunnelHost.Everything, [new PipeRegistration { Name = name, Resource = resource }], CancellationToken.None)).Error?.Code;

        (await TryAsync(client, ":1")).Should().Be(108);
        (await TryAsync(client, ":x")).Should().Be(108);
        (await TryAsync(client, ":", "http://localhost:9")).Should().Be(108);
        (await TryAsync(client, ":")).Should().BeNull();
        (await TryAsync(client, ":")).Should().Be(305);
        (await TryAsync(host.Connect("ben"), $":{port}")).Should().Be(205);
        (await TryAsync(client, $":{port}")).Should().BeNull("the same session may say it again");

        await host.Pipes.RemoveAsync(client.Session, null, CancellationToken.None);
        await host.Invoking(h => h.RawAsync(port)).Should().ThrowAsync<SocketException>("nobody listens there now");
        (await TryAsync(host.Connect("ben"), ":")).Should().BeNull();
    }

    [Fact]
    public async Task A_port_that_something_else_has_is_said_to_be_so()
    {
        await using var other = new RawServer((_, _) => Task.CompletedTask);
        await using var host = await TunnelHost.StartAsync(o => o.Pipes.Ports = $"{other.Port}");
        PipeRegistration pipe = new() { Name = $":{other.Port}", Resource = "tcp://localhost:9" };

        (await host.Pipes.RegisterAsync(host.Connect().Session, TunnelHost.Everything, [pipe], CancellationToken.None)).Error!.Code.Should().Be(305);
    }
}
