using System.Diagnostics;
using System.Net;
using FluentAssertions;
using Xunit;
using Xunit.Abstractions;

namespace Duplexity.Server.Tests.OpenId;

/// <summary>How long the sign-in page takes to refuse a wrong password: of somebody who is there, and of nobody.</summary>
public sealed class SignInTimes(ITestOutputHelper output)
{
    private const int Tries = 200;

    [Fact]
    [Trait("Category", "Long")]
    [Trait("Guarantee", "G25")]
    public async Task Time_does_not_tell_who_is_there()
    {
        await using var node = await OpenIdNode.StartAsync(options: o => (o.FailuresPerAddress, o.Failures) = (int.MaxValue, int.MaxValue), isDear: true);
        await node.AddAsync("amy");

        var (known, unknown) = await MeasureAsync(new Uri(node.OpenId, "sign-in"), "amy", "ann", Tries);

        output.WriteLine($"known {known.TotalMilliseconds:0.0} ms, unknown {unknown.TotalMilliseconds:0.0} ms");
        (unknown / known).Should().BeInRange(0.9, 1.1);
    }

    /// <summary>Medians of <paramref name="tries"/> refusals each, turn by turn, so that whatever else the machine does meets both.</summary>
    public static async Task<(TimeSpan Known, TimeSpan Unknown)> MeasureAsync(Uri page, string known, string unknown, int tries)
    {
        using var person = new Person();
        var (ofKnown, ofUnknown) = (new List<TimeSpan>(), new List<TimeSpan>());
        for (var i = 0; i < tries + 5; i++)
        {
            foreach (var (name, times) in new[] { (known, ofKnown), (unknown, ofUnknown) })
            {
                await person.OpenAsync(page);
                var began = Stopwatch.GetTimestamp();
                await person.SignInAsync(name, "a guess that is wrong");
                times.Add(Stopwatch.GetElapsedTime(began));
                person.Status.Should().Be(HttpStatusCode.Forbidden);
            }
        }

        // Without the first few, which start things.
        return (Median(ofKnown[5..]), Median(ofUnknown[5..]));
    }

    private static TimeSpan Median(List<TimeSpan> times) => times.Order().ElementAt(times.Count / 2);
}
