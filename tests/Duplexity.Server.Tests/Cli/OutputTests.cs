using System.Text;
using System.Text.Json;
using Duplexity.Cli;
using Duplexity.Cli.Output;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

[Trait("Guarantee", "G25")]
public sealed class OutputTests
{
    // By index: a theory's arguments pass through UTF-8, which lone surrogates do not survive.
    private static readonly string[] Wire =
    [
        "/[",
        "/[red]x[/]",
        "[/]",
        "\u001b[2J\u001b]0;owned\u0007",
        "\u001b]8;;http://evil.example\u001b\\click\u001b]8;;\u001b\\",
        "\u009b31m",
        "a\r\n21:00:00 GET /forged 200",
        "a\nb",
        "a\u2028b\u2029c\u0085d",
        "\u202egnp.exe",
        "\u2066x\u2069\u200f",
        "\u0000",
        "lone \ud83d surrogate",
        "lone \ude00 surrogate",
        "\u007f\b\b\b",
        "\ufeff\ufffe",
        "{0} %s $(id)",
    ];

    public static TheoryData<int> Corpus => [.. Enumerable.Range(0, Wire.Length)];

    [Theory]
    [MemberData(nameof(Corpus))]
    public void A_line_stays_one_line_and_drives_nothing(int index)
    {
        var wire = Wire[index];
        using var output = new StringWriter();
        var terminal = new Terminal(TextReader.Null, output, output, interactive: false);

        terminal.Line(wire);

        OneHarmlessLine(output.ToString());
    }

    [Theory]
    [MemberData(nameof(Corpus))]
    public void A_visitors_path_is_one_line_of_up(int index)
    {
        var wire = Wire[index];
        using var output = new StringWriter();
        var terminal = new Terminal(TextReader.Null, output, output, interactive: false);
        var exchange = new Exchange(DateTimeOffset.UnixEpoch, wire, wire, 200, TimeSpan.FromMilliseconds(12.34), 2);

        terminal.Line(ExchangeLine.Text(exchange, wire, TimeProvider.System));

        OneHarmlessLine(output.ToString()).Should().Contain("200 12.3 ms (and 2 more");
    }

    [Theory]
    [MemberData(nameof(Corpus))]
    public void A_row_of_a_table_is_one_line(int index)
    {
        var wire = Wire[index];
        using var output = new StringWriter();
        var terminal = new Terminal(TextReader.Null, output, output, interactive: false);

        terminal.Table(["NAME", "RESOURCE"], [[wire, wire], ["x", new string('y', 3000)]]);

        var lines = output.ToString().Split('\n');
        lines.Should().HaveCount(4, "a header, two rows, and the end");
        lines[1].Should().Contain(VisibleText.Of(wire).TrimEnd());
        lines.Take(3).Should().AllSatisfy(l => OneHarmlessLine(l + "\n"));
    }

    [Theory]
    [MemberData(nameof(Corpus))]
    public void A_json_line_is_one_line_of_plain_ascii_that_reads_back(int index)
    {
        var wire = Wire[index];
        using var output = new StringWriter();
        var terminal = new Terminal(TextReader.Null, output, output, interactive: false);

        terminal.Line(JsonLine.Of(new { Text = wire }));

        var line = OneHarmlessLine(output.ToString());
        Ascii.IsValid(line).Should().BeTrue();
        JsonDocument.Parse(line).RootElement.GetProperty("text").GetString().Should().Be(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(wire)));
    }

    [Fact]
    public void A_visitors_request_shows_time_method_path_status_and_duration()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var at = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

        ExchangeLine.Text(new Exchange(at, "GET", "/a?b=1", 304, TimeSpan.FromMilliseconds(7), 0), null, time).Should().Be("03:04:05 GET /a?b=1 304 7 ms");
        ExchangeLine.Text(new Exchange(at, null, null, null, TimeSpan.FromMilliseconds(7), 0), ":7001", time).Should().Be("03:04:05 :7001 connection 7 ms");
    }

    private static string OneHarmlessLine(string printed)
    {
        printed.Should().EndWith("\n");
        var line = printed[..^1];
        line.EnumerateRunes().Should().NotContain(r => Rune.IsControl(r) || Rune.GetUnicodeCategory(r) == System.Globalization.UnicodeCategory.Format);
        line.Should().NotContainAny("\u2028", "\u2029");
        return line;
    }
}
