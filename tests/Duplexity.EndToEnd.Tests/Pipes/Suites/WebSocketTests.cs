using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes.Suites;

/// <summary>Node's WebSocket library at both ends of a pipe: compression, fragments, pings, and every way in which a connection ends.</summary>
[Collection(nameof(SuiteCollection))]
[Trait("Requirement", "2.16")]
public sealed class WebSocketTests(SuiteStage stage)
{
    [Fact]
    [Trait("Requirement", "3.4")]
    public async Task WebSockets_speak_and_end_as_without_a_pipe()
    {
        await using var server = Node("ws-server.mjs");
        var port = (await server.LineAsync("listening ")).Split(' ')[1];
        await stage.Service.UpAsync("todd", $"ws={port}");

        var direct = await RunAsync(server, port, "localhost", "direct");
        var piped = await RunAsync(server, $"{stage.Service.Port}", stage.Service.Host("ws"), "piped");

        piped.Should().Equal(direct);
        direct.Should().Equal(
            """{"what":"all kinds of messages","protocol":"two","extensions":"permessage-deflate","text":"text é","big":true,"parts":"in three parts","ping":"ping payload","empty":""}""",
            """{"what":"closed by the server","code":4001,"reason":"as you wish é"}""",
            """{"what":"closed by the client","extensions":"","code":4002}""",
            """{"what":"cut by the server","code":1006}""",
            """{"what":"cut by the client","code":1006}""",
            """{"what":"refused","status":401,"why":"because","body":"nope"}""",
            """{"what":"a message with the request","status":"HTTP/1.1 101 Switching Protocols"}""");
    }

    // What the client printed; when the server has seen all ends.
    private static async Task<string[]> RunAsync(RealProcess server, string port, string host, string run)
    {
        await using var script = Node("ws-suite.mjs", port, host, run);
        (await script.ExitAsync()).Should().Be(0, $"{script.Output}\n{server.Output}");
        await server.LineAsync($"closed /all?{run} 4001 as you wish é");
        await server.LineAsync($"closed /plain?{run} 4002 by the client");
        foreach (var cut in new[] { "cut", "gone", "early" })
        {
            await server.LineAsync($"closed /{cut}?{run} 1006");
        }

        return script.Output.Split('\n');
    }

    private static RealProcess Node(string script, params string[] arguments) =>
        RealProcess.Start(ProcessTools.Node, [Path.Combine(ProcessTools.NodeFolder, script), .. arguments]);
}
