using System.Text.RegularExpressions;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes;

/// <summary><c>up</c> as a process at a real terminal: a pseudo-terminal of <c>script</c>.</summary>
public sealed partial class TerminalTests
{
    [Fact]
    [Trait("Guarantee", "G25")]
    [Trait("Requirement", "2.34")]
    public async Task Whatever_path_a_visitor_asks_for_the_table_goes_on_and_nothing_of_it_drives_the_terminal()
    {
        await using var service = await RealService.StartAsync();
        await using var resource = Answering();
        await using var up = AtTerminal(service, "TERM=xterm-256color", "up", $"cat1={resource.Authority}");
        await up.LineAsync("REQUESTS", TestTimeout.Long);

        foreach (var path in (string[])["/[", "/[/]", "/[red]x", "/%1b[2J", "/\u009b2J", "/%1b]8;;http://evil/%1b\\x", "/%0d%0aready%20http://forged/", "/\u00e2\u0080\u00aegnp", "/\u00ed\u00a0\u0080", "/%00", "/\u001b[2J", "/\0"])
        {
            await using var visitor = await RawVisitor.ConnectAsync(service.Port);
            await visitor.SendAsync($"GET {path} HTTP/1.1\r\nHost: {service.Host("cat1")}\r\nConnection: close\r\n\r\n");
            await visitor.ReadHeadAsync();
        }

        using var guest = service.Visitor("cat1");
        (await guest.GetStringAsync("/end").Soon()).Should().Be("hi");
        await up.LineAsync("/end");
        var drawn = await up.LineAsync("a row", l => l.Contains("serving", StringComparison.Ordinal) && l.Contains(" 200", StringComparison.Ordinal));
        drawn.Should().Contain($"http://{resource.Authority}");
        Strange(up.Output).Should().BeEmpty();
        up.Output.Should().NotContain("\nready http://forged");

        await up.WriteLineAsync("\u0003");
        (await up.ExitAsync()).Should().Be(130);
        await up.DisposeAsync();
    }

    [Theory]
    [InlineData("TERM=dumb", false)]
    [InlineData("TERM=xterm NO_COLOR=1", true)]
    public async Task A_dumb_terminal_gets_plain_lines_and_one_without_colours_a_table_without_them(string environment, bool isTable)
    {
        await using var service = await RealService.StartAsync();
        await using var resource = Answering();
        await using var up = AtTerminal(service, environment, "up", $"cat1={resource.Authority}");
        await up.LineAsync("ready http://cat1.", TestTimeout.Long);

        using var guest = service.Visitor("cat1");
        (await guest.GetStringAsync("/end").Soon()).Should().Be("hi");
        await up.LineAsync("GET /end 200");

        up.Output.Contains("REQUESTS", StringComparison.Ordinal).Should().Be(isTable);
        Color().IsMatch(up.Output).Should().BeFalse();
        Strange(up.Output).Should().BeEmpty();
    }

    [Fact]
    [Trait("Requirement", "2.34")]
    public async Task Ctrl_C_ends_it_within_seconds_though_the_server_hangs()
    {
        await using var service = await RealService.StartAsync();
        await using var resource = Answering();
        var up = await service.UpAsync("todd", $"cat1={resource.Authority}");

        service.Process.Freeze();
        try
        {
            up.SendInterrupt();
            (await up.ExitAsync()).Should().Be(130);
        }
        finally
        {
            service.Process.Unfreeze();
        }
    }

    private static RealProcess AtTerminal(RealService service, string environment, params string[] arguments)
    {
        var command = $"{ProcessTools.DotNet} {ProcessTools.Built("client-sdk/Duplexity.Cli", "duplexity.dll")} --as todd {string.Join(' ', arguments)}";
        return service.Run(ProcessTools.Find("script"), "-qefc", $"stty rows 30 cols 120; exec env {environment} {command}", "/dev/null");
    }

    private static RawResource Answering() => new(async connection =>
    {
        await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
    });

    /// <summary>The control characters that neither the table nor the runtime's own start at a terminal has written.</summary>
    private static IEnumerable<char> Strange(string output) => Own().Replace(output, "").Where(c => char.IsControl(c) && c is not ('\n' or '\r'));

    // Up, clear, line wrap, colours; keypad modes are the runtime's.
    [GeneratedRegex(@"\x1b\[\d+A|\x1b\[J|\x1b\[\?7[lh]|\x1b\[[0-9;]*m|\x1b\[\?1[lh]|\x1b[=>]")]
    private static partial Regex Own();

    [GeneratedRegex(@"\x1b\[(3|9|38;|4)[0-9;]*m")]
    private static partial Regex Color();
}
