using Duplexity.Server.Pipes;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Pipes;

/// <summary>How allowances of several sources become one.</summary>
public sealed class AllowanceSetsTests
{
    [Theory]
    [Trait("Requirement", "1.23")]
    [InlineData(100, 1_000, 10, 60_000, 10, 60_000)]
    [InlineData(100, 60_000, 50, 1_000, 50, 60_000)]
    [InlineData(100, null, 10, 60_000, 10, 60_000)]
    [InlineData(100, 1_000, 10, null, 10, 10_000)]
    [InlineData(null, 1_000, 10, 60_000, 10, 60_000)]
    [InlineData(100, 60_000, null, 1_000, 100, 60_000)]
    public void What_both_of_two_rates_allow_is_never_a_higher_rate_than_either(int? one, int? oneWindow, int? other, int? otherWindow, int? both, int? bothWindow)
    {
        var limits = AllowanceSets.Intersection(Of(one, oneWindow), Of(other, otherWindow)).Limits!;

        (limits.Messages, limits.WindowMs).Should().Be((both, bothWindow));

        static Allowances Of(int? messages, int? window) => new() { Limits = new() { Messages = messages, WindowMs = window } };
    }
}
