using System.Globalization;
using System.Text.RegularExpressions;
using Duplexity.Protocol;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Protocol;

/// <summary>PROTOCOL.md cannot rot: its tables are compared with the assembly. <c>DUPLEXITY_WRITE_PROTOCOL=1</c> writes them anew.</summary>
[Trait("Requirement", "3.2")]
public sealed class ProtocolPageTests
{
    [Fact]
    public void The_page_has_every_method_event_and_record_with_its_positions_and_names()
    {
        var page = File.ReadAllText(ProtocolPage.FilePath);
        var renewed = ProtocolPage.Renew(page);
        if (Environment.GetEnvironmentVariable("DUPLEXITY_WRITE_PROTOCOL") == "1")
        {
            File.WriteAllText(ProtocolPage.FilePath, renewed);
            page = renewed;
        }

        foreach (var section in ProtocolPage.Sections.Keys)
        {
            page.Should().Contain($"<!-- generated: {section} -->");
        }

        page.Should().Be(renewed, "run this test with DUPLEXITY_WRITE_PROTOCOL=1 after a change of the records");
    }

    [Fact]
    public void The_page_has_every_error_code_with_its_name_and_no_other()
    {
        var rows = Regex.Matches(File.ReadAllText(ProtocolPage.FilePath), @"^\| (\d{3}) \| `([a-z_]+)` \|", RegexOptions.Multiline)
            .Select(m => (int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture), m.Groups[2].Value));

        rows.Should().Equal(WireTests.ErrorTable());
    }

    [Fact]
    public void The_page_says_the_numbers_and_words_that_both_sides_agree_on()
    {
        var page = File.ReadAllText(ProtocolPage.FilePath);
        string[] said =
        [
            $"`{Wire.CarryHeader}`", $"0x{Wire.CarryGo:x2}", $"{Wire.CarryResourceAway}", $"`{Retry.Again}`", $"`{Retry.Elsewhere}`", $"`{Retry.Never}`",
            $"`{DirectRule.Own}`", $"`{DirectRule.Anyone}`", $"{Wire.MaxMessageBytes} bytes", $"{Wire.MaxDestinations} destinations", $"{Wire.MaxHeaderBytes} bytes",
            .. Enum.GetValues<ReceiptLevel>().Select(l => $"`{Levels.Word(l)}`"),
        ];

        page.Should().ContainAll(said);
    }
}
