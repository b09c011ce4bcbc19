using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes.Suites;

/// <summary>Somebody's SignalR application behind a pipe, and Microsoft's JavaScript client before it: WebSockets, server-sent events and long polling.</summary>
[Collection(nameof(SuiteCollection))]
[Trait("Requirement", "2.16")]
public sealed class SignalRTests(SuiteStage stage)
{
    private const string Rest = """
        "big":true,"echoes":true,"bytes":BYTES,"counted":true,"sum":5050,"asked":"you said: really? yes","told":"everybody","failed":"An unexpected error occurred invoking 'Fail' on the server. HubException: on purpose"}
        """;

    [Fact]
    [Trait("Requirement", "3.4")]
    public async Task Every_transport_and_protocol_of_SignalR_works_through_a_pipe_and_ends_as_without_one()
    {
        await using var app = await SignalRApp.StartAsync();
        await stage.Service.UpAsync("todd", $"signalr={app.Port}");

        var direct = await RunAsync(app, $"http://127.0.0.1:{app.Port}/hub");
        var piped = await RunAsync(app, $"http://{stage.Service.Host("signalr")}/hub");

        piped.Should().Equal(direct);
        direct.Should().Equal(
            Said("WebSockets", "json", "\"/wIB\""), Said("WebSockets", "messagepack", "[255,2,1]"), Said("ServerSentEvents", "json", "\"/wIB\""),
            Said("LongPolling", "json", "\"/wIB\""), Said("LongPolling", "messagepack", "[255,2,1]"));
    }

    private static string Said(string transport, string protocol, string bytes) =>
        $$"""{"transport":"{{transport}}","protocol":"{{protocol}}",{{Rest.Replace("BYTES", bytes)}}""";

    // What the client printed; when the application knows that each connection is over.
    private static async Task<string[]> RunAsync(SignalRApp app, string hub)
    {
        await using var script = RealProcess.Start(ProcessTools.Node, [Path.Combine(ProcessTools.NodeFolder, "signalr-transports.mjs"), hub]);
        (await script.ExitAsync(TestTimeout.Long)).Should().Be(0, script.Output);
        for (var i = 0; i < 5; i++)
        {
            (await app.Left.ReadAsync().Soon()).Should().Be("good");
        }

        return script.Output.Split('\n');
    }
}
