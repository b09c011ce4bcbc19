using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes.Suites;

/// <summary>A gRPC server in Python behind an HTTP/2 pipe, and the client for Node before it: every kind of call, and every kind of end.</summary>
[Collection(nameof(SuiteCollection))]
[Trait("Requirement", "2.16")]
public sealed class GrpcTests(SuiteStage stage)
{
    [Fact]
    [Trait("Requirement", "3.4")]
    public async Task Grpc_calls_streams_trailers_and_endings_are_the_same_through_a_pipe()
    {
        await using var server = RealProcess.Start(
            ProcessTools.SystemPython, [Path.Combine(ProcessTools.Root, "tests", "Duplexity.EndToEnd.Tests", "python", "grpc_server.py")]);
        var port = (await server.LineAsync("listening ")).Split(' ')[1];
        await stage.Service.UpAsync("todd", $"grpc=h2c://localhost:{port}");

        var direct = await RunAsync(server, "direct", $"127.0.0.1:{port}", "localhost");
        var piped = await RunAsync(server, "piped", $"127.0.0.1:{stage.H2Port}", $"grpc.localhost:{stage.H2Port}");

        piped.Should().Equal(direct);
        direct.Should().HaveCount(11);
        var all = string.Join('\n', direct);
        var bytes = Convert.ToHexStringLower([.. Enumerable.Range(0, 256).Select(i => (byte)i)]);
        all.Should().Contain($$$"""{"call":"unary","first":{"x-first":"mine","x-bytes-bin":"0080ff"},"status":{"code":0,"details":"","trailers":{"x-last-bin":"{{{bytes}}}","x-deadline":"yes"}},"value":"hello"}""");
        all.Should().Contain("""{"call":"4 MB","code":0,"same":true}""");
        all.Should().Contain("""{"call":"Fail","status":{"code":9,"details":"on purpose: 100 % é","trailers":{"x-last":"failed"}}}""");
        all.Should().Contain("""{"call":"both ways","heard":["ONE","TWO","THREE"],""");
        all.Should().Contain("""{"call":"an early end","items":["first"],"status":{"code":11,"details":"","trailers":{"x-last":"enough"}}}""");
        all.Should().Contain("""{"call":"cancellation","items":["began"],"code":1}""");
        all.Should().Contain("""{"call":"deadline","items":["began"],"code":4}""");
    }

    // What the client printed; when the server knows that calls were given up.
    private static async Task<string[]> RunAsync(RealProcess server, string name, string address, string authority)
    {
        await using var script = RealProcess.Start(ProcessTools.Node, [Path.Combine(ProcessTools.NodeFolder, "grpc-suite.mjs"), address, authority, name]);
        (await script.ExitAsync(TestTimeout.Long)).Should().Be(0, $"{script.Output}\n{server.Output}");
        await server.LineAsync($"ended by cancellation, {name}");
        await server.LineAsync($"ended by deadline, {name}");
        return script.Output.Split('\n');
    }
}
