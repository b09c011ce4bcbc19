using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Duplexity.Server.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

[Trait("Requirement", "3.4")]
public sealed class TlsFrontTests
{
    [Fact]
    public async Task A_resource_that_ends_TLS_itself_is_reached_by_name_and_shows_its_own_certificate()
    {
        using var mine = Resources.SelfSigned("cat1.localhost");
        await using var resource = await Resources.StartAsync(app => app.Run(context => context.Response.WriteAsync($"{context.Request.Protocol} {context.Request.Host.Host}")), Microsoft.AspNetCore.Server.Kestrel.Core.HttpProtocols.Http1AndHttp2, certificate: mine);
        var port = FreePorts.One();
        await using var host = await TunnelHost.StartAsync(o => o.Pipes.TlsPort = port);
        var pipe = await host.Connect().ServeAsync("cat1", resource.At("tls"));
        pipe.Url.Should().Be($"https://cat1.localhost:{port}/");

        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            using var visitor = new HttpClient(new SocketsHttpHandler
            {
                ConnectCallback = (_, ct) => ConnectAsync(port, ct),
                SslOptions = new() { RemoteCertificateValidationCallback = (_, shown, _, _) => shown!.GetCertHashString() == mine.GetCertHashString() },
            })
            {
                DefaultRequestVersion = version,
                DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Timeout = TunnelHost.Patience,
            };
            (await visitor.GetStringAsync(pipe.Url)).Should().Be($"HTTP/{version.ToString(version.Major == 2 ? 1 : 2)} cat1.localhost");
        }

        // In the clear there is nothing to see of it.
        using var plain = host.Visitor();
        using var answer = await plain.GetAsync("/");
        ((int)answer.StatusCode).Should().Be(421);
    }

    [Theory]
    [InlineData("dog1.localhost")]
    [InlineData("localhost")]
    [InlineData("plain.localhost")]
    public async Task A_name_that_nobody_serves_so_is_refused_as_TLS_refuses(string name)
    {
        var port = FreePorts.One();
        await using var host = await TunnelHost.StartAsync(o => o.Pipes.TlsPort = port);
        await host.Connect().ServeAsync("plain", "http://localhost:1");
        await using var tls = new SslStream(await ConnectAsync(port, CancellationToken.None), false, (_, _, _, _) => true);

        var refused = async () => await tls.AuthenticateAsClientAsync(name).WaitAsync(TunnelHost.Patience);
        await refused.Should().ThrowAsync<Exception>().Where(e => e is System.Security.Authentication.AuthenticationException || e is IOException);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: cat1.localhost\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001\u0000\u0000")]
    [InlineData("\u0016\u0003\u0001\u0000\u0004\u0002\u0000\u0000\u0000")]
    [InlineData("\u0016\u0003\u0001\u0000\u0004\u0001\u00ff\u00ff\u00ff")]
    public async Task What_is_no_first_message_ends_at_once(string bytes)
    {
        var port = FreePorts.One();
        await using var host = await TunnelHost.StartAsync(o => o.Pipes.TlsPort = port);
        using var visitor = await host.RawAsync(port);

        await visitor.SendAsync(bytes);
        (await visitor.ReadAllAsync().WaitAsync(TunnelHost.Patience)).Length.Should().BeLessThanOrEqualTo(7);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Who_says_nothing_is_left_after_a_while()
    {
        var port = FreePorts.One();
        await using var host = await TunnelHost.StartAsync(o => (o.Pipes.TlsPort, o.Times.Handshake) = (port, TimeSpan.FromSeconds(1)));
        using var visitor = await host.RawAsync(port);

        await visitor.SendAsync("\u0016\u0003\u0001");
        (await visitor.ReadAllAsync().WaitAsync(TunnelHost.Patience)).Should().BeEmpty();
    }

    [Fact]
    public async Task Without_the_port_such_a_pipe_is_refused()
    {
        await using var host = await TunnelHost.StartAsync();
        var answer = await host.Pipes.RegisterAsync(host.Connect().Session, TunnelHost.Everything, [new() { Name = "cat1", Resource = "tls://localhost:1" }], default);
        answer.Error!.Sentence.Should().Contain("Duplexity:Pipes:TlsPort");
    }

    [Fact]
    public async Task The_name_is_found_however_the_message_is_cut()
    {
        var hello = await HelloAsync("cat1.localhost");

        // As it came, and in records of so many bytes.
        foreach (var message in new[] { hello, InRecords(hello[5..], 1), InRecords(hello[5..], 7), InRecords(hello[5..], 300) })
        {
            var byBytes = new ClientHello();
            for (var length = 0; length < message.Length; length++)
            {
                new ClientHello().Read(message.AsSpan(0, length)).State.Should().Be(HelloState.More, $"{length} of {message.Length} bytes");
                byBytes.Read(message.AsSpan(0, length)).State.Should().Be(HelloState.More);
            }

            byBytes.Read(message).Should().Be((HelloState.Whole, "cat1.localhost"));
            new ClientHello().Read(message).Should().Be((HelloState.Whole, "cat1.localhost"));
        }
    }

    [Theory]
    [InlineData(16_000)]
    [InlineData(1)]
    [Trait("Guarantee", "G24")]
    public void A_message_that_comes_byte_by_byte_is_read_once(int record)
    {
        // As long as one may be, of which the end does not come.
        byte[] message = [.. InRecords([1, 0, 0x3F, 0, .. new byte[16_000]], record).Take(ClientHello.Longest - 1)];
        var (hello, state) = (new ClientHello(), HelloState.More);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var length = 1; length <= message.Length && state == HelloState.More; length++)
        {
            state = hello.Read(message.AsSpan(0, length)).State;
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().BeLessThan(4_096, "nothing is copied until it is there");
        state.Should().Be(HelloState.More);
    }

    private static byte[] InRecords(byte[] content, int size) => [.. content.Chunk(size).SelectMany(c => (byte[])[22, 3, 1, (byte)(c.Length >> 8), (byte)c.Length, .. c])];

    [Fact]
    public async Task No_message_however_broken_is_taken_for_more_than_it_is()
    {
        var hello = await HelloAsync("cat1.localhost");
        var random = new Random(7);
        for (var i = 0; i < 20_000; i++)
        {
            var broken = hello.ToArray();
            for (var n = random.Next(1, 6); n > 0; n--)
            {
                broken[random.Next(broken.Length)] = (byte)random.Next(256);
            }

            new ClientHello().Read(broken.AsSpan(0, random.Next(broken.Length + 1))); // throws nothing
        }
    }

    [Fact]
    public async Task A_request_for_another_name_than_the_connections_is_421()
    {
        using var certificate = Resources.SelfSigned("localhost");
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
        await using var host = await TunnelHost.StartAsync(certificate: certificate);
        await host.Connect().ServeAsync("cat1", resource.Resource);
        await using var tls = new SslStream(await ConnectAsync(host.TlsPort, CancellationToken.None), false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync("dog1.localhost").WaitAsync(TunnelHost.Patience);

        await tls.WriteAsync("GET / HTTP/1.1\r\nHost: cat1.localhost\r\nConnection: close\r\n\r\n"u8.ToArray());
        (await new StreamReader(tls).ReadToEndAsync().WaitAsync(TunnelHost.Patience)).Should().StartWith("HTTP/1.1 421");
        resource.Connections.Should().Be(0);
    }

    private static async ValueTask<Stream> ConnectAsync(int port, CancellationToken ct)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, port, ct);
        return new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>What .NET's own TLS says first.</summary>
    private static async Task<byte[]> HelloAsync(string name)
    {
        await using var server = new RawResource();
        await using var tls = new SslStream(await ConnectAsync(server.Port, CancellationToken.None));
        var greeting = tls.AuthenticateAsClientAsync(name);
        await using var heard = await server.AcceptAsync();
        var head = await heard.ReadExactlyAsync(5);
        byte[] hello = [.. head, .. await heard.ReadExactlyAsync((head[3] << 8) + head[4])];
        heard.Reset();
        await greeting.Invoking(g => g).Should().ThrowAsync<IOException>();
        return hello;
    }
}
