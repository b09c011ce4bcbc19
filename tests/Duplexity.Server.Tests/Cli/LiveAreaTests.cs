using Duplexity.Cli;
using Duplexity.Cli.Output;
using FluentAssertions;
using Spectre.Console;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

/// <summary>What is drawn over and over below the lines of a command.</summary>
public sealed class LiveAreaTests
{
    /// <summary>What a visitor, a room or a peer can bring (G25).</summary>
    public static readonly string[] Corpus =
    [
        "/[", "[/]", "[red]x[/]", "/[[", "\u001b[2J", "\u001b]8;;http://evil.example\u001b\\x\u001b]8;;\u001b\\", "a\r\nready http://forged/", "\u202egnp.exe", "\ud800", "\udc00x", "\0", "\u009b2J", "\u2028", "\b\b\b",
    ];

    private readonly StringWriter _screen = new();
    private (int Width, int Height) _size = (60, 10);

    [Fact]
    [Trait("Guarantee", "G25")]
    public void Nothing_that_came_from_outside_drives_the_terminal_or_takes_a_second_line()
    {
        var terminal = new Terminal(TextReader.Null, _screen, _screen, interactive: false, Area(hasColors: true));
        foreach (var text in Corpus)
        {
            _screen.GetStringBuilder().Clear();
            var grid = new Grid().AddColumn(new GridColumn { NoWrap = true }).AddColumn(new GridColumn { NoWrap = true });
            grid.AddRow(new Text(VisibleText.Of(text), new Style(Color.Red)), new Text("end"));

            terminal.Draw(grid);
            terminal.Note(text);

            var rest = Own().Aggregate(_screen.ToString(), (shown, own) => shown.Replace(own, "", StringComparison.Ordinal));
            rest.Replace("\n", "", StringComparison.Ordinal).Should().NotContainAny("\u001b", "\u009b", "\r", "\0", "\b", "\u202e", "\u2028");
            rest.Count(c => c == '\n').Should().Be(3, "it was drawn, noted and drawn again");
            terminal.Draw(null);
        }
    }

    [Fact]
    public void What_is_too_long_or_too_much_for_the_window_is_cut_and_never_wraps()
    {
        var area = Area(hasColors: false);

        area.Draw(new Rows(Enumerable.Range(0, 50).Select(i => new Text($"{i} {new string('x', 200)}"))));

        var lines = Plain().TrimEnd('\n').Split('\n');
        lines.Should().HaveCount(9, "a line is the cursor's").And.OnlyContain(l => l.Length <= 60);
        lines[8].Should().StartWith("8 ");
    }

    [Fact]
    public void What_is_drawn_again_is_drawn_where_it_was_also_when_the_window_has_become_narrower()
    {
        var area = Area(hasColors: false);
        area.Draw(new Rows(new Text(new string('a', 50)), new Text("b")));
        _screen.GetStringBuilder().Clear();
        area.Draw(new Rows(new Text(new string('a', 50)), new Text("b")));
        _screen.ToString().Should().StartWith("\u001b[2A\r\u001b[J");

        _screen.GetStringBuilder().Clear();
        _size = (20, 10);
        area.Draw(new Text("c"));

        _screen.ToString().Should().StartWith("\u001b[4A\r\u001b[J", "a line of 50 is three lines of 20 now");
    }

    [Fact]
    public void A_line_goes_above_what_is_drawn()
    {
        var terminal = new Terminal(TextReader.Null, _screen, _screen, interactive: false, Area(hasColors: false));
        terminal.Draw(new Text("table"));
        _screen.GetStringBuilder().Clear();

        terminal.Note("connection lost");
        terminal.EndDrawing();
        terminal.Note("bye");

        Plain().Should().Be("\u001b[1A\r\u001b[Jconnection lost\ntable\nbye\n");
    }

    [Fact]
    public void A_window_without_a_size_is_taken_for_a_usual_one()
    {
        _size = (0, 0);

        Area(hasColors: false).Draw(new Text(new string('x', 200)));

        Plain().TrimEnd('\n').Should().HaveLength(80);
    }

    private LiveArea Area(bool hasColors) => new(_screen, () => _size, hasColors);

    private string Plain() => _screen.ToString().Replace("\u001b[?7l", "", StringComparison.Ordinal).Replace("\u001b[?7h", "", StringComparison.Ordinal);

    private static IEnumerable<string> Own() => [.. Enumerable.Range(1, 9).Select(rows => $"\u001b[{rows}A\r\u001b[J"), "\u001b[?7l", "\u001b[?7h", "\u001b[91m", "\u001b[31m", "\u001b[38;5;9m", "\u001b[0m"];
}
