using Duplexity.Reading;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Client;

public sealed class TrackTests
{
    [Theory]
    [Trait("Guarantee", "G9")]
    [Trait("Guarantee", "G2")]
    [InlineData("5 e", "6 e", null, "Follows")]
    [InlineData("0 ", "1 e", null, "Follows")]
    [InlineData("5 e", "6 f", null, "Apart")] // without `after` the place before has the message's own epoch
    [InlineData("5 e", "6 f", "5 e", "Follows")]
    [InlineData("5 e", "9 e", "5 e", "Follows")]
    [InlineData("5 e", "7 e", null, "Apart")]
    [InlineData("5 e", "9 e", "8 e", "Apart")]
    [InlineData("5 e", "4 e", "5 e", "Follows")] // it was withheld, and comes after all
    [InlineData("5 e", "5 e", null, "Repeats")]
    [InlineData("5 e", "4 e", "2 e", "Repeats")]
    [InlineData("5 e", "4 f", null, "Apart")]
    public void What_follows_is_known_by_offset_and_epoch(string last, string position, string? after, string sight) =>
        Track.Look(Place(last), Place(position), after is null ? null : Place(after)).ToString().Should().Be(sight);

    private static Position Place(string text) => new(long.Parse(text.Split(' ')[0]), text.Split(' ')[1]);
}
