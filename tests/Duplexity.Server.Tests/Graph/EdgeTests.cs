using CsCheck;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Graph;

/// <summary>Edges agree both ways: what a socket listens to, who a channel feeds, who is found by a client's name and who is said to be there are one truth, whatever happened before.</summary>
public sealed class EdgeTests
{
    private static readonly Gen<GraphStep[]> Histories = Gen.Select(
        Gen.Frequency(
            (5, Gen.Const(Happening.Open)), (2, Gen.Const(Happening.OpenForAMinute)), (1, Gen.Const(Happening.Close)), (2, Gen.Const(Happening.Lose)), (12, Gen.Const(Happening.Join)), (3, Gen.Const(Happening.Leave)),
            (4, Gen.Const(Happening.Authenticate)), (2, Gen.Const(Happening.AuthenticateForAMinute)), (2, Gen.Const(Happening.Drop)), (1, Gen.Const(Happening.Revoke)), (1, Gen.Const(Happening.Disconnect)),
            (1, Gen.Const(Happening.Kick)), (2, Gen.Const(Happening.Place)), (1, Gen.Const(Happening.Displace)), (2, Gen.Const(Happening.CloseRoom)), (2, Gen.Const(Happening.RemoveRoom)), (1, Gen.Const(Happening.LetTimePass))),
        Gen.Int[0, 3],
        Gen.Int[0, 2],
        Gen.Int[0, 6],
        (what, socket, client, channel) => new GraphStep(what, socket, client, channel)).Array[5, 30];

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [Trait("Requirement", "1.12")]
    [Trait("Guarantee", "G8")]
    [Trait("Guarantee", "G10")]
    [Trait("Guarantee", "G23")]
    public async Task Every_side_of_the_graph_says_after_each_step_of_a_random_history_what_was_foretold(int secondsBeforeVacated)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var node = await MemoryNode.StartAsync(time, o => o.Times.Vacated = TimeSpan.FromSeconds(secondsBeforeVacated));
        var most = 0;
        await Histories.SampleAsync(
            async steps =>
            {
                var history = new EdgeHistory(node, time);
                await history.PlayAsync(steps);
                most = Math.Max(most, history.MostEdges);
            },
            iter: 2_000,
            threads: 1,
            print: Print);

        most.Should().BeGreaterThan(8, "histories are not empty ones");
        node.Logs.Lines.Should().NotContain(l => l.Text.Contains("mended"), "nothing was left to mend");
        node.Channels.Addresses.Should().BeEmpty();
        node.Holdings.IsEmpty.Should().BeTrue();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [Trait("Requirement", "1.12")]
    [Trait("Guarantee", "G8")]
    [Trait("Guarantee", "G23")]
    public async Task Every_side_of_the_graph_says_the_same_after_steps_that_cross_each_other(int secondsBeforeVacated)
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var node = await MemoryNode.StartAsync(time, o => o.Times.Vacated = TimeSpan.FromSeconds(secondsBeforeVacated));
        await Histories.SampleAsync(steps => new EdgeHistory(node, time).RaceAsync(steps), iter: 2_000, threads: 1, print: Print);

        node.Logs.Lines.Should().NotContain(l => l.Text.Contains("mended"), "nothing was left to mend");
        node.Channels.Addresses.Should().BeEmpty();
        node.Holdings.IsEmpty.Should().BeTrue();
    }

    /// <summary>All of a history: what fails is to be read, not only played again by its seed.</summary>
    private static string Print(GraphStep[] steps) => string.Join(Environment.NewLine, steps);
}
