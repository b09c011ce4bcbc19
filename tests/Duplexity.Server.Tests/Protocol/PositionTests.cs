using CsCheck;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Protocol;

[Trait("Guarantee", "G2")]
public sealed class PositionTests
{
    [Fact]
    public void Reading_what_a_position_writes_gives_the_same_position()
    {
        Gen.Select(Gen.Long[0, (1L << 53) - 1], Gen.String[Gen.Char.AlphaNumeric, 0, 20]).Sample((offset, epoch) =>
        {
            var position = new Position(offset, epoch);
            Position.Parse(position.ToString()).Should().Be(position);
        });
    }

    [Fact]
    public void The_place_before_the_first_entry_is_written_with_no_epoch()
    {
        Position.Start.ToString().Should().Be("0@");
        Position.Parse("0@").Should().Be(Position.Start);
    }

    [Fact]
    public void Positions_are_equal_only_with_the_same_epoch()
    {
        new Position(5, "a").Should().Be(new Position(5, "a"));
        new Position(5, "a").Should().NotBe(new Position(5, "b"));
        new Position(5, "a").Should().NotBe(new Position(5, "A"));
    }

    [Fact]
    public void An_epoch_is_opaque_and_may_have_an_at_sign() => Position.Parse("7@a@b").Should().Be(new Position(7, "a@b"));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("@e")]
    [InlineData("-5@e")]
    [InlineData("+5@e")]
    [InlineData(" 5@e")]
    [InlineData("5.0@e")]
    [InlineData("x@e")]
    [InlineData("99999999999999999999@e")]
    public void What_is_no_position_is_refused(string? text)
    {
        Position.TryParse(text, null, out var position).Should().BeFalse();
        position.Should().BeNull();
        FluentActions.Invoking(() => Position.Parse(text!)).Should().Throw<FormatException>().WithMessage("*OFFSET@EPOCH*");
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public void The_sentence_about_a_bad_position_drives_no_terminal() =>
        FluentActions.Invoking(() => Position.Parse("\u001b[2J\r\n")).Should().Throw<FormatException>().Which.Message.Should().NotMatchRegex(@"\p{C}");
}
