using CsCheck;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Graph;

/// <summary>One copy for each receiver and one order for all of them, whatever set of destinations, clients and pipes brings a message.</summary>
public sealed class DeliveryTests
{
    private static readonly Gen<MessageHappening> Changes = Gen.Frequency(
        (4, Gen.Const(MessageHappening.Join)), (1, Gen.Const(MessageHappening.Leave)), (2, Gen.Const(MessageHappening.Authenticate)), (1, Gen.Const(MessageHappening.Drop)), (1, Gen.Const(MessageHappening.MakePrimary)),
        (1, Gen.Const(MessageHappening.SetPipe)));

    [Fact]
    [Trait("Requirement", "1.14")]
    [Trait("Requirement", "1.22")]
    [Trait("Guarantee", "G9")]
    [Trait("Guarantee", "G10")]
    public Task Whatever_overlapping_destinations_clients_and_pipes_reach_a_socket_it_gets_one_copy_of_each_message() =>
        PlayAsync(Gen.Frequency((2, Changes), (4, Gen.Const(MessageHappening.Send)), (1, Gen.Const(MessageHappening.Emit))));

    [Fact]
    [Trait("Requirement", "1.21")]
    [Trait("Guarantee", "G4")]
    [Trait("Guarantee", "G9")]
    public Task All_receivers_of_a_channel_see_the_order_of_its_log_and_logs_that_share_messages_have_them_in_one_order() =>
        PlayAsync(Gen.Frequency((2, Changes), (3, Gen.Const(MessageHappening.SendTogether)), (1, Gen.Const(MessageHappening.Send))));

    private static async Task PlayAsync(Gen<MessageHappening> happenings)
    {
        await using var node = await MemoryNode.StartAsync(TimeProvider.System);
        var (copies, overlaps) = (0, 0);
        var first = Gen.Select(Gen.Const(MessageHappening.Join), Gen.Int[0, 3], Gen.Int[0, 2], Gen.Int[1, 15], (what, socket, client, channels) => new MessageStep(what, socket, client, channels)).Array[4];
        var steps = Gen.Select(happenings, Gen.Int[0, 3], Gen.Int[0, 2], Gen.Int[1, (1 << 11) - 1], (what, socket, client, channels) => new MessageStep(what, socket, client, channels)).Array[3, 15];
        await Gen.Select(first, steps).SampleAsync(
            async (joins, then) =>
            {
                var history = new DeliveryHistory(node);
                await history.PlayAsync([.. joins, .. then]);
                Interlocked.Add(ref copies, history.Count.Copies);
                Interlocked.Add(ref overlaps, history.Count.Overlaps);
            },
            iter: 2_000,
            threads: 2,
            print: history => string.Join(Environment.NewLine, [.. history.Item1, .. history.Item2]));

        copies.Should().BeGreaterThan(5_000);
        overlaps.Should().BeGreaterThan(1_000);
    }
}
