using CsCheck;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Protocol;

[Trait("Guarantee", "G25")]
public sealed class VisibleTextTests
{
    [Theory]
    [InlineData("/[red]x[/]", "/[red]x[/]")]
    [InlineData("/[", "/[")]
    [InlineData("\u001b[31mred", @"\u{1b}[31mred")]
    [InlineData("\u001b]8;;http://evil\u001b\\click", @"\u{1b}]8;;http://evil\u{1b}\click")]
    [InlineData("\u009b2J", @"\u{9b}2J")]
    [InlineData("a\r\nInformation: forged", @"a\u{d}\u{a}Information: forged")]
    [InlineData("a\u0085b", @"a\u{85}b")]
    [InlineData("a\u2028b\u2029c", @"a\u{2028}b\u{2029}c")]
    [InlineData("user\u202egnp.exe", @"user\u{202e}gnp.exe")]
    [InlineData("a\u2066b\u2069", @"a\u{2066}b\u{2069}")]
    [InlineData("zero\u200bwidth", @"zero\u{200b}width")]
    [InlineData("nul\0nul", @"nul\u{0}nul")]
    [InlineData("bell\a back\b del\x7f", @"bell\u{7}" + @" back\u{8}" + @" del\u{7f}")]
    [InlineData("tab\there", @"tab\u{9}here")]
    [InlineData("no\u00a0break", @"no\u{a0}break")]
    [InlineData("plain text", "plain text")]
    [InlineData("Ünïcödé 中文 😀", "Ünïcödé 中文 😀")]
    [InlineData("", "")]
    [InlineData(null, "")]
    public void What_cannot_be_seen_is_written_out_and_the_rest_stays(string? text, string shown) => VisibleText.Of(text).Should().Be(shown);

    [Fact]
    public void Broken_UTF_16_becomes_a_replacement_character()
    {
        // Not InlineData: a test runner would repair the text on its way.
        VisibleText.Of("a\ud800b").Should().Be("a\ufffdb");
        VisibleText.Of("a\udc00").Should().Be("a\ufffd");
    }

    [Fact]
    public void Text_that_needs_no_change_is_not_copied()
    {
        var text = new string('x', 1000);
        VisibleText.Of(text).Should().BeSameAs(text);
    }

    [Fact]
    public void Long_text_is_cut_and_says_so_and_never_within_a_character()
    {
        VisibleText.Of(new string('x', 300), VisibleText.LogLength).Should().Be(new string('x', 256) + "…");
        VisibleText.Of(new string('x', 256), VisibleText.LogLength).Should().Be(new string('x', 256));
        VisibleText.Of("a😀b", 2).Should().Be("a…");
    }

    [Fact]
    public void No_text_at_all_leaves_a_control_a_line_break_a_direction_or_broken_text_in_it()
    {
        var hostile = Gen.OneOf("\u001b", "\r\n", "\u202e", "\ud800", "\udc00", "\0", "[", "]", "\u009b", "\u2028", "\ue000", "x", "😀");
        Gen.Select(hostile.Array[0, 20].Select(string.Concat), Gen.String, Gen.Int[0, 40]).Sample((a, b, max) =>
        {
            var shown = VisibleText.Of(a + b, max);
            shown.Should().NotMatchRegex(@"[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}-[\ud800-\udfff]]");
        });
    }
}
