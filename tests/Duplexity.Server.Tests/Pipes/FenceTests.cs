using Duplexity.Protocol;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Pipes;

/// <summary>Sends under a lock, in a machine whose gates know nothing of locks: what the append refuses by itself.</summary>
public sealed class FenceTests
{
    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G17")]
    public async Task The_append_itself_refuses_a_token_below_one_that_a_destination_has_taken_and_then_stores_nothing_anywhere()
    {
        var rig = new PipeRig();
        var reader = await rig.ListenAsync("room:board", "cleo");
        var other = await rig.ListenAsync("room:other", "cleo");

        (await SendAsync("first", 5, "room:board")).Error.Should().BeNull();
        (await SendAsync("stale", 4, "room:other", "room:board")).Error.Should().BeEquivalentTo(new { Code = 209, Name = "stale_token", Kind = "denied" });
        (await SendAsync("same", 5, "room:board")).Error.Should().BeNull("one holder sends more than once");
        (await SendAsync("later", 6, "room:board")).Error.Should().BeNull();
        (await SendAsync("elsewhere", 4, "room:other")).Error.Should().BeNull("each channel remembers what it has taken itself");

        (await reader.TextsAsync(3)).Should().Equal("first", "same", "later");
        (await other.TextsAsync(1)).Should().Equal("elsewhere");
        (reader.HasNothing, other.HasNothing).Should().Be((true, true));

        async Task<SendResponse> SendAsync(string text, long token, params string[] to) =>
            await rig.Machine.SendAsync(PipeRig.As("amy", "s1"), PipeRig.Text(text, to) with { Under = new() { Lock = "board/card", Token = token } });
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    [Trait("Guarantee", "G17")]
    public async Task A_send_that_was_stored_is_answered_with_its_receipt_also_when_its_token_is_stale_by_then()
    {
        var rig = new PipeRig();
        var request = PipeRig.Text("once", "room:board") with { Session = "s", Sequence = 1, Under = new() { Lock = "board/card", Token = 5 } };
        var first = await rig.Machine.SendAsync(PipeRig.As("amy"), request);
        await rig.Machine.SendAsync(PipeRig.As("ben"), PipeRig.Text("later", "room:board") with { Under = new() { Lock = "board/card", Token = 6 } });

        var again = await rig.Machine.SendAsync(PipeRig.As("amy"), request);

        again.Error.Should().BeNull();
        again.MessageId.Should().Be(first.MessageId);
    }
}
