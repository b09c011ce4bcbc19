using Duplexity.Cli;
using Duplexity.Cli.Pipes;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

/// <summary><c>up</c> without arguments, whose file is rewritten while it runs.</summary>
public sealed class ProjectFollowTests : IAsyncLifetime
{
    private readonly RawResource _one = Answering("one");
    private readonly RawResource _two = Answering("two");
    private readonly CliUnderTest _todd;
    private TestNode _node = null!;
    private Task<int> _up = null!;

    public ProjectFollowTests() => _todd = new CliUnderTest();

    public async Task InitializeAsync()
    {
        _node = await TestNode.StartAsync(s => s.Options = o => o.Times.HandOver = TimeSpan.Zero);
        _todd.Environment["DUPLEXITY_SERVER"] = _node.Address.AbsoluteUri;
        _todd.Environment["DUPLEXITY_TOKEN"] = _node.Token("todd");
        Write($$$"""{"pipes": {"kept": "{{{_one.Authority}}}", "changed": "{{{_one.Authority}}}", "gone": "{{{_one.Authority}}}"}}""");
        _up = _todd.RunAsync("up");
        foreach (var name in (string[])["kept", "changed", "gone"])
        {
            await Said($"ready http://{name}.");
        }
    }

    public async Task DisposeAsync()
    {
        _todd.Interrupt();
        await _up.Soon();
        _todd.Dispose();
        await _one.DisposeAsync();
        await _two.DisposeAsync();
        await _node.DisposeAsync();
    }

    [Fact]
    [Trait("Requirement", "2.31")]
    public async Task What_is_new_is_opened_what_is_changed_changes_what_is_left_out_goes_and_the_rest_is_not_touched()
    {
        var before = await SinceAsync("kept.localhost");

        Write($$$"""{"pipes": {"kept": "{{{_one.Authority}}}", "changed": "{{{_two.Authority}}}", "new": {"resource": "{{{_two.Authority}}}", "hostHeader": "resource"} } }""");
        await Said("removed http://gone.");

        (await VisitAsync("kept")).Should().Be("one");
        (await VisitAsync("changed")).Should().Be("two");
        (await VisitAsync("new")).Should().Be("two");
        (await VisitAsync("gone")).Should().Be("404");
        (await SinceAsync("kept.localhost")).Should().Be(before, "it was not opened again");
        _todd.Output.Count(l => l.StartsWith("ready http://kept.", StringComparison.Ordinal)).Should().Be(1);
        _up.IsCompleted.Should().BeFalse();
    }

    [Theory]
    [InlineData("""{"pipes": {"kept": """)]
    [InlineData("""{"pipes": {}}""")]
    [InlineData("""{"pipes": {"kept": {"resource": "3000", "color": "red"}}}""")]
    [InlineData("""{"pipes": {"kept": "unix:/var/run/somebody.sock"}}""")]
    public async Task A_file_that_is_wrong_or_wants_too_much_is_one_line_and_everything_is_served_on(string text)
    {
        Write(text);
        var line = await _todd.Err.LineAsync(l => l.Contains("served on")).Soon();

        line.Should().Contain(ProjectFile.FileName);
        foreach (var name in (string[])["kept", "changed", "gone"])
        {
            (await VisitAsync(name)).Should().Be("one");
        }

        _todd.Error.Should().ContainSingle();

        Write($$$"""{"pipes": {"kept": "{{{_two.Authority}}}"}}""");
        await Said("removed http://gone.");
        (await VisitAsync("kept")).Should().Be("two", "what is mended is followed");
    }

    [Fact]
    public async Task A_name_of_another_client_is_refused_alone_and_got_when_the_file_is_written_once_more()
    {
        var amy = await _node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("taken", _one.Authority).Soon();

        Write($$$"""{"pipes": {"kept": "{{{_two.Authority}}}", "taken": "{{{_two.Authority}}}"}}""");
        (await _todd.Err.LineAsync(l => l.Contains("taken")).Soon()).Should().Contain("belongs to another");
        await Said("removed http://gone.");
        (await VisitAsync("kept")).Should().Be("two");

        await amy.DisposeAsync();
        await Wait.UntilAsync(() => VisitAsync("taken"), seen => seen == "404"); // who leaves does not wait for ever until the node has let its names go
        Write($$$"""{ "pipes": {"kept": "{{{_two.Authority}}}", "taken": "{{{_two.Authority}}}"}}""");
        await Said("ready http://taken.");
        (await VisitAsync("taken")).Should().Be("two");
    }

    [Theory]
    [Trait("Guarantee", "G7")]
    [InlineData("shared")]
    [InlineData("per-visitor")]
    public async Task Another_folder_of_the_same_name_is_what_everybody_sees_from_then_on(string carriers)
    {
        foreach (var place in (string[])["private", "public"])
        {
            var folder = Directory.CreateDirectory(Path.Combine(_todd.Folder, place, "site"));
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, "index.html"), place);
        }

        string Docs(string place, string beside) => $$$"""{"pipes": {"{{{beside}}}": "{{{_one.Authority}}}", "docs": {"resource": "./{{{place}}}/site", "carriers": "{{{carriers}}}"} } }""";
        Write(Docs("private", "kept"));
        await Said("ready http://docs.");
        (await VisitAsync("docs")).Should().Be("private");
        (await VisitAsync("docs")).Should().Be("private");

        Write(Docs("public", "changed"));
        await Said("removed http://kept.");

        for (var i = 0; i < 10; i++)
        {
            (await VisitAsync("docs")).Should().Be("public");
        }
    }

    [Fact]
    public async Task Another_server_is_not_gone_to_while_it_runs()
    {
        using var todd = new CliUnderTest();
        todd.Environment["DUPLEXITY_TOKEN"] = _node.Token("todd");
        var file = Path.Combine(todd.Folder, ProjectFile.FileName);
        await File.WriteAllTextAsync(file, $$$"""{"server": "{{{_node.Address}}}", "pipes": {"other": "{{{_one.Authority}}}"}}""");
        var up = todd.RunAtTerminalAsync("y", "up");
        await todd.Out.LineAsync(l => l.StartsWith("ready ")).Soon();

        await File.WriteAllTextAsync(file, $$$"""{"server": "http://127.0.0.1:9", "pipes": {"other": "{{{_one.Authority}}}"}}""");

        await todd.Err.LineAsync(l => l.Contains("another server") && l.Contains("served on")).Soon();
        (await VisitAsync("other")).Should().Be("one");
        todd.Interrupt();
        (await up.Soon()).Should().Be(ExitCode.Interrupted);
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task What_is_new_and_risky_in_it_is_asked_and_then_followed()
    {
        using var todd = new CliUnderTest(_node, "todd");
        var file = Path.Combine(todd.Folder, ProjectFile.FileName);
        await File.WriteAllTextAsync(file, $$$"""{"pipes": {"other": "unix:/nowhere/first.sock"}}""");
        var up = todd.RunAtTerminalAsync("y", "up");
        await todd.Out.LineAsync(l => l.StartsWith("ready ")).Soon();

        await File.WriteAllTextAsync(file, """{"pipes": {"other": "unix:/nowhere/first.sock", "socket": "unix:/nowhere/app.sock"}}""");
        await todd.Err.LineAsync(l => l.Contains("/nowhere/app.sock") && l.Contains("[y/N]")).Soon();
        todd.Input.Type("y");
        await todd.Out.LineAsync(l => l.StartsWith("ready http://socket.")).Soon();

        await File.WriteAllTextAsync(file, """{"pipes": {"socket": "unix:/nowhere/app.sock"}}""");
        await todd.Out.LineAsync(l => l.StartsWith("removed http://other.")).Soon();
        todd.Error.Count(l => l.Contains("[y/N]")).Should().Be(2, "each was asked once");
        todd.Interrupt();
        await up.Soon();
    }

    private static RawResource Answering(string text) => new(async connection =>
    {
        await connection.ReadHeadAsync();
        await connection.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {text.Length}\r\nConnection: close\r\n\r\n{text}");
    });

    private Task Said(string line) => _todd.Out.LineAsync(l => l.StartsWith(line, StringComparison.Ordinal)).Soon();

    /// <summary>As editors do: whole, or not at all.</summary>
    private void Write(string text)
    {
        var (file, aside) = (Path.Combine(_todd.Folder, ProjectFile.FileName), Path.Combine(_todd.Folder, "aside"));
        File.WriteAllText(aside, text);
        File.Move(aside, file, overwrite: true);
    }

    private async Task<string> VisitAsync(string name)
    {
        using var answer = await _node.VisitAsync(name).Soon();
        return answer.IsSuccessStatusCode ? await answer.Content.ReadAsStringAsync() : $"{(int)answer.StatusCode}";
    }

    private async Task<long> SinceAsync(string name)
    {
        await using var todd = await _node.ConnectAsync("todd");
        return (await todd.Pipes.ListAsync().Soon()).Single(p => p.Name == name).Since;
    }
}
