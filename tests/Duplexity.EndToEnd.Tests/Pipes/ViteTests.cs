using System.Net.WebSockets;
using System.Text;
using System.Text.RegularExpressions;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes;

/// <summary>A real Vite dev server behind a pipe whose domain it does not know: it blocks the host unless it is told its own.</summary>
[Trait("Requirement", "2.16")]
public sealed partial class ViteTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("duplexity-vite-");
    private readonly int _port = FreePorts.One();
    private RealProcess? _vite;
    private RealService? _service;

    public async Task InitializeAsync()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "index.html"), "<!doctype html><script type=\"module\" src=\"/main.js\"></script>");
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "main.js"), "import { text } from './text.js';\ndocument.body.textContent = text;\n");
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "text.js"), "export const text = 'first';\n");
        _vite = RealProcess.Start(
            ProcessTools.Node,
            [Path.Combine(ProcessTools.NodeFolder, "node_modules", "vite", "bin", "vite.js"), "--port", $"{_port}", "--strictPort", "--host", "127.0.0.1"],
            [("NO_COLOR", "1"), ("CI", "true")],
            _folder.FullName);
        await _vite.LineAsync("ready in");
        _service = await RealService.StartAsync("--Duplexity:Pipes:Url=http://*.pipes.test");
    }

    public async Task DisposeAsync()
    {
        if (_service is not null)
        {
            await _service.DisposeAsync();
        }

        if (_vite is not null)
        {
            await _vite.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Vite_blocks_the_public_name_and_works_with_its_own()
    {
        await _service!.UpAsync("todd", $"kept={_port}");
        await _service.UpAsync("todd", $"vite={_port}", "--host-header", "resource");
        using var kept = Visitor("kept.pipes.test");
        using var visitor = Visitor("vite.pipes.test");

        using var blocked = await kept.GetAsync("/");
        var page = await visitor.GetStringAsync("/");
        var script = await visitor.GetStringAsync("/main.js");
        var client = await visitor.GetStringAsync("/@vite/client");

        ((int)blocked.StatusCode).Should().Be(403);
        page.Should().Contain("/@vite/client").And.Contain("/main.js");
        script.Should().Contain("/text.js");

        // Its hot reload is a WebSocket: an edit on the laptop reaches the visitor.
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Host", "vite.pipes.test");
        socket.Options.AddSubProtocol("vite-hmr");
        var token = WsToken().Match(client).Groups[1].Value;
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{_service.Port}/?token={token}"), CancellationToken.None).Soon();
        (await ReadAsync(socket)).Should().Contain("connected");
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "text.js"), "export const text = 'second';\n");
        (await ReadAsync(socket)).Should().MatchRegex("full-reload|update");
        (await visitor.GetStringAsync("/text.js")).Should().Contain("second");
    }

    [GeneratedRegex("wsToken = \"([^\"]+)\"")]
    private static partial Regex WsToken();

    private static async Task<string> ReadAsync(ClientWebSocket socket)
    {
        var buffer = new byte[16 * 1024];
        var read = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None).Soon();
        return Encoding.UTF8.GetString(buffer, 0, read.Count);
    }

    private HttpClient Visitor(string host)
    {
        var visitor = new HttpClient { BaseAddress = _service!.Address };
        visitor.DefaultRequestHeaders.Host = host;
        return visitor;
    }
}
