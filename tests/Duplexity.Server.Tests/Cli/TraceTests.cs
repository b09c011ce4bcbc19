using System.Text.Json;
using Duplexity.Cli;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

/// <summary>A message's way, from the command line of an administrator.</summary>
public sealed class TraceTests
{
    [Fact]
    public async Task An_administrator_begins_to_trace_a_client_and_sees_the_way_of_what_it_sends()
    {
        await using var node = await TestNode.StartAsync();
        using var admin = new CliUnderTest(node, "root") { Environment = { ["DUPLEXITY_TOKEN"] = node.Token("root", null, ("role", "admin")) } };
        using var amy = new CliUnderTest(node, "amy");

        (await admin.RunAsync("trace", "--start", "client:amy", "--minutes", "1").Soon()).Should().Be(ExitCode.Done);
        (await amy.RunAsync("send", "lobby", "hi", "--json").Soon()).Should().Be(ExitCode.Done);
        var id = JsonDocument.Parse(amy.Output[0]).RootElement.GetProperty("messageId").GetString()!;
        (await admin.RunAsync("trace", id).Soon()).Should().Be(ExitCode.Done);
        (await amy.RunAsync("trace", id).Soon()).Should().Be(ExitCode.NotAllowed);
        (await amy.RunAsync("trace").Soon()).Should().Be(ExitCode.Usage);

        admin.Output[0].Should().StartWith("traced until ");
        admin.Output.Skip(1).Should().Contain(l => l.Contains("service") && l.Contains("entered")).And.Contain(l => l.Contains("entry") && l.Contains("passed") && l.Contains("room:lobby"));
    }
}
