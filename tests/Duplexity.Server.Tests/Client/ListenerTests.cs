using CsCheck;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Client;

/// <summary>The rule of places (G9), against a model of a channel: random withheld entries, losses, repeats, cuts and full buffers.</summary>
public sealed class ListenerTests
{
    private static readonly Gen<(int Op, int N)> Ops = Gen.Select(Gen.Frequency(
        (8, Gen.Const(0)), (8, Gen.Const(1)), (1, Gen.Const(2)), (2, Gen.Const(3)), (2, Gen.Const(4)), (1, Gen.Const(5)), (3, Gen.Const(6))), Gen.Int[0, 9]);

    [Fact]
    [Trait("Guarantee", "G9")]
    public void Whatever_happens_on_the_way_each_message_is_read_once_and_in_order() =>
        Ops.List[1, 120].Sample(ops =>
        {
            var channel = new ListenerModel(buffer: 4);
            channel.Run(ops);
            channel.Read.Should().Equal(channel.Expected);
        });

    [Fact]
    [Trait("Guarantee", "G9")]
    public void Without_a_real_loss_nothing_is_fetched() =>
        Ops.Where(o => o.Op != 2).List[1, 120].Sample(ops =>
        {
            var channel = new ListenerModel(buffer: 1000);
            channel.Run(ops);
            channel.Read.Should().Equal(channel.Expected);
            channel.Joins.Should().Be(1 + channel.Cuts, "a withheld copy, a repeat or an advance is no loss");
        });

    [Fact]
    [Trait("Guarantee", "G9")]
    public void An_id_that_came_under_another_channel_is_not_handed_out_again_but_moves_the_place()
    {
        var channel = new ListenerModel(buffer: 10);
        channel.Append(isWithheld: false);
        channel.Append(isWithheld: false);
        channel.Seen.TryAdd("m1");

        channel.Finish();

        channel.Read.Should().Equal("m2");
        channel.Joins.Should().Be(1);
    }

    [Theory]
    [InlineData(10, 1)]
    [InlineData(1, 2)]
    [Trait("Guarantee", "G9")]
    public void A_copy_that_was_withheld_and_comes_after_all_is_read_once_and_is_no_gap(int buffer, int joins)
    {
        var channel = new ListenerModel(buffer);
        channel.Append(isWithheld: true);
        channel.Append(isWithheld: false);
        channel.Deliver();

        channel.DeliverLate(1);
        channel.Finish();

        channel.Read.Should().Equal("m2", "m1");
        channel.Joins.Should().Be(joins, "only what finds no room is asked for again");
    }
}
