using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

[Trait("Guarantee", "G15")]
public sealed class VisitorHeaderTests
{
    [Theory]
    [InlineData("Duplexity-Client: forged")]
    [InlineData("duplexity-identity: forged")]
    [InlineData("DUPLEXITY_CLIENT: forged")]
    [InlineData("Duplexity_Identity: forged\r\nDuplexity-Identity: forged")]
    [InlineData("Connection: Duplexity-Client\r\nDuplexity-Client: forged")]
    [InlineData("duplexity-: forged")]
    public async Task No_header_of_ours_comes_from_a_visitor(string forged)
    {
        await using var resource = Echo();
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = await host.RawAsync();

        await visitor.SendAsync($"GET / HTTP/1.1\r\nHost: cat1.localhost\r\nX-Mine: stays\r\n{forged}\r\n\r\n");

        (await visitor.ReadUntilAsync("END")).Should().Contain("X-Mine: stays").And.NotContain("forged");
    }

    [Fact]
    public async Task Nor_does_a_trailer()
    {
        await using var resource = Echo();
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = await host.RawAsync();

        await visitor.SendAsync("POST / HTTP/1.1\r\nHost: cat1.localhost\r\nTrailer: Duplexity-Client\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nDuplexity-Client: forged\r\n\r\n");

        (await visitor.ReadUntilAsync("END")).Should().NotContain("forged");
    }

    [Fact]
    public async Task Nor_does_a_header_of_a_websocket_upgrade()
    {
        await using var resource = Echo();
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = await host.RawAsync();

        await visitor.SendAsync(
            "GET / HTTP/1.1\r\nHost: cat1.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nDuplexity_Client: forged\r\n\r\n");

        (await visitor.ReadUntilAsync("END")).Should().ContainEquivalentOf("Upgrade: websocket").And.NotContain("forged");
    }

    private static RawServer Echo() => new(async (c, _) =>
    {
        var head = await c.ReadHeadAsync();
        if (head.Contains("chunked", StringComparison.OrdinalIgnoreCase))
        {
            head += await c.ReadUntilAsync("0\r\n") + await c.ReadUntilAsync("\r\n");
        }

        await c.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {head.Length + 3}\r\n\r\n{head}END");
        await c.ReadAllAsync();
    });
}
