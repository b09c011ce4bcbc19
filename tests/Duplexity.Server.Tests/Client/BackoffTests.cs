using CsCheck;
using Duplexity.Links;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Client;

public sealed class BackoffTests
{
    [Fact]
    public void Pauses_double_up_to_the_cap_and_never_pass_it()
    {
        var backoff = new Backoff(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(30), () => 1);

        var pauses = Enumerable.Range(0, 8).Select(_ => backoff.Next().TotalSeconds).ToArray();

        pauses.Should().Equal(0.5, 1, 2, 4, 8, 16, 30, 30);
    }

    [Fact]
    public void Each_pause_is_drawn_between_nothing_and_its_bound_for_any_number_of_attempts() =>
        Gen.Select(Gen.Int[0, 2000], Gen.Double[0, 1]).Sample((attempts, draw) =>
        {
            var backoff = new Backoff(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(30), () => draw);
            var last = TimeSpan.Zero;
            for (var i = 0; i < attempts; i++)
            {
                last = backoff.Next();
            }

            return last >= TimeSpan.Zero && last <= TimeSpan.FromSeconds(30);
        });

    [Fact]
    public void A_good_connection_begins_with_short_pauses_again()
    {
        var backoff = new Backoff(TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(30), () => 1);
        backoff.Next();
        backoff.Next();

        backoff.Reset();

        backoff.Next().Should().Be(TimeSpan.FromMilliseconds(500));
    }
}
