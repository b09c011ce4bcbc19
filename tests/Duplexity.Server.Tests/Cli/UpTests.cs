using System.Text.Json;
using Duplexity.Cli;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

/// <summary><c>up</c> and <c>tcp</c> in this process, against a real node and a raw resource.</summary>
public sealed class UpTests : IAsyncLifetime
{
    private readonly RawResource _resource = new(async connection =>
    {
        await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
    });

    private TestNode _node = null!;

    public async Task InitializeAsync() => _node = await TestNode.StartAsync(s => s.TcpPorts = 3);

    public async Task DisposeAsync()
    {
        await _resource.DisposeAsync();
        await _node.DisposeAsync();
    }

    [Fact]
    [Trait("Requirement", "2.16")]
    public async Task Up_says_ready_serves_prints_a_line_a_visit_and_leaves_in_order()
    {
        using var todd = new CliUnderTest(_node, "todd");
        var up = todd.RunAsync("up", $"cat1.localhost={_resource.Authority}");
        (await todd.Out.LineAsync(l => l.StartsWith("ready ")).Soon()).Should().Be($"ready http://cat1.localhost:{_node.Port}/");

        using (var visit = await _node.VisitAsync("cat1", "/a[?b=%5B").Soon())
        {
            (await visit.Content.ReadAsStringAsync()).Should().Be("hi");
        }

        (await todd.Out.LineAsync(l => l.Contains("GET")).Soon()).Should().MatchRegex(@"^\d\d:\d\d:\d\d GET /a\[\?b=%5B 200 [0-9.]+ ms$");
        todd.Interrupt();
        (await up.Soon()).Should().Be(ExitCode.Interrupted);
        await Wait.UntilAsync(
            async () =>
            {
                using var after = await _node.VisitAsync("cat1").Soon();
                return (int)after.StatusCode;
            },
            status => status == 404); // an orderly stop removes the name, and does not wait for ever until it is
    }

    [Theory]
    [InlineData(":={0}", "tcp://", "--carriers per-visitor", "so carriers would do nothing there: leave it out")]
    [InlineData("db={0}", "", "--private --host-header resource", "so hostHeader would do nothing there: leave it out")]
    public async Task What_would_do_nothing_for_a_pipe_is_refused_by_name(string pipe, string scheme, string flags, string sentence)
    {
        using var todd = new CliUnderTest(_node, "todd");

        var exit = await todd.RunAsync(["up", string.Format(System.Globalization.CultureInfo.InvariantCulture, pipe, scheme + _resource.Authority), .. flags.Split(' ')]).Soon();

        exit.Should().Be(ExitCode.Failed);
        string.Join(" ", todd.Error).Should().Contain(sentence);
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task A_hostile_path_is_one_harmless_line_and_up_lives_on()
    {
        using var todd = new CliUnderTest(_node, "todd");
        var up = todd.RunAsync("up", $"cat1={_resource.Authority}", "--json");
        await todd.Out.LineAsync(l => l.Contains("\"ready\"")).Soon();
        foreach (var target in (string[])["/[", "/[/]", "/\u009b2J", "/%1b[2J", "/end"])
        {
            await using var visitor = await RawVisitor.ConnectAsync(_node.Port);
            await visitor.SendAsync($"GET {target} HTTP/1.1\r\nHost: cat1.localhost:{_node.Port}\r\nConnection: close\r\n\r\n");
            await visitor.ReadHeadAsync();
        }

        await todd.Out.LineAsync(l => l.Contains("/end")).Soon();

        up.IsCompleted.Should().BeFalse();
        todd.Output.Should().NotContain(l => l.Any(c => char.IsControl(c)));
        todd.Output.Should().OnlyContain(l => JsonDocument.Parse(l, default).RootElement.ValueKind == JsonValueKind.Object);
        todd.Interrupt();
        await up.Soon();
    }

    [Fact]
    public async Task Somebody_elses_name_is_6_and_a_newer_session_of_the_same_owner_makes_the_older_exit_7()
    {
        using var todd = new CliUnderTest(_node, "todd");
        using var amy = new CliUnderTest(_node, "amy");
        using var laptop = new CliUnderTest(_node, "todd");
        var first = todd.RunAsync("up", $"cat1={_resource.Authority}");
        await todd.Out.LineAsync(l => l.StartsWith("ready ")).Soon();

        (await amy.RunAsync("up", $"cat1={_resource.Authority}").Soon()).Should().Be(ExitCode.NameTaken);
        var second = laptop.RunAsync("up", $"cat1={_resource.Authority}");
        await laptop.Out.LineAsync(l => l.StartsWith("ready ")).Soon();

        (await first.Soon()).Should().Be(ExitCode.TakenOver);
        laptop.Interrupt();
        await second.Soon();
    }

    [Fact]
    public async Task Tcp_serves_a_port_and_pipes_lists_it()
    {
        using var todd = new CliUnderTest(_node, "todd");
        using var other = new CliUnderTest(_node, "todd");
        var port = _node.TcpPorts!.Value.First;
        var tcp = todd.RunAsync("tcp", _resource.Authority, "--port", $"{port}");
        await todd.Out.LineAsync(l => l.StartsWith("ready tcp://") && l.Contains($":{port}")).Soon();

        await using (var visitor = await RawVisitor.ConnectAsync(port))
        {
            await visitor.SendAsync("GET / HTTP/1.1\r\n\r\n");
            (await visitor.ReadHeadAsync()).Should().Contain("200 OK");
        }

        (await other.RunAsync("pipes").Soon()).Should().Be(ExitCode.Done);
        other.Output[1].Should().Contain($":{port}").And.Contain($"tcp://{_resource.Authority}").And.Contain("serving");
        todd.Interrupt();
        await tcp.Soon();
    }

    [Fact]
    public async Task The_pipes_of_the_project_file_are_served_without_arguments()
    {
        using var todd = new CliUnderTest(_node, "todd");
        var pipes = $$$"""{"pipes": {"cat1": "{{{_resource.Authority}}}", "cat2": {"resource": "{{{_resource.Authority}}}", "hostHeader": "resource" } } }""";
        await File.WriteAllTextAsync(Path.Combine(todd.Folder, "duplexity.json"), pipes);

        var up = todd.RunAsync("up");

        await todd.Out.LineAsync(l => l.StartsWith("ready http://cat1.")).Soon();
        await todd.Out.LineAsync(l => l.StartsWith("ready http://cat2.")).Soon();
        todd.Interrupt();
        await up.Soon();
    }
}
