using Duplexity.Server.Engine;
using Duplexity.Server.Tunnels;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Gates;

/// <summary>What fronts are told when a registration is changed.</summary>
[Trait("Guarantee", "G18")]
public sealed class FrontViewTests
{
    [Fact]
    public void Of_a_pipe_that_fronts_never_had_they_are_told_nothing() =>
        FrontView.After([new(Pipe(1, "signed-in"), Pipe(2, "basic:amy:hash")), new(Pipe(1, null), Pipe(2, "granted"))]).Should().BeEmpty();

    [Fact]
    public void Of_one_that_is_theirs_no_more_they_are_told_what_they_had_and_that_it_lets_nobody_in()
    {
        var told = FrontView.After([new(Pipe(1, "public"), Pipe(2, "signed-in") with { Resource = "http://10.0.0.5:1", HostHeader = "inner" })]).Should().ContainSingle().Subject;

        (told.Revision, told.Resource, told.HostHeader, told.Settings.Visitors).Should().Be((2, "http://localhost:1", "keep", null));
    }

    [Theory]
    [InlineData("public", "ip:10.0.0.0/8,client:bob", "ip:10.0.0.0/8")]
    [InlineData("signed-in", "public", "public")]
    public void Of_one_that_is_theirs_now_they_are_told_what_serving_it_takes(string before, string now, string told) =>
        FrontView.After([new(Pipe(1, before), Pipe(2, now))]).Should().ContainSingle().Which.Settings.Visitors.Should().Be(told);

    private static PipeEntry Pipe(long revision, string? visitors) => Entries.Of(new() { Visitors = visitors }) with { Revision = revision };
}
