using CsCheck;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Pipes;

/// <summary>Whatever gates do with a sender's messages, each is stored once or refused, and what is stored stands in the order in which it was sent.</summary>
public sealed class OrderTests
{
    private static readonly Gen<(int Room, string Fate)[]> Histories = Gen.Select(Gen.Int[0, 2], Gen.OneOf("pass", "wait", "hold", "refuse", "late-hold")).Array[1, 25];

    [Fact]
    [Trait("Requirement", "1.21")]
    [Trait("Guarantee", "G11")]
    public Task Random_histories_of_gates_that_wait_hold_and_refuse_keep_a_senders_order_and_lose_and_repeat_nothing() => Histories.SampleAsync(
        async history =>
        {
            var rig = new PipeRig([PipeRig.Gate(Step.Entry, "*", DecideAsync)]);
            var amy = new FakeEnd("amy");

            // Begun one after the other, as a hub begins a socket's invocations.
            var sends = history.Select((h, i) => rig.Machine.SendAsync(amy.Sender(), PipeRig.Text($"{i} {h.Fate}", $"room:{h.Room}")).AsTask()).ToArray();
            var answers = await Task.WhenAll(sends).Soon();
            var open = answers.Where(a => a.Level == Levels.Held).Select(a => a.MessageId).ToHashSet();
            var answering = AnswerAllAsync(rig, amy);
            while (open.Count > 0)
            {
                open.Remove((await amy.ChangeAsync()).MessageId).Should().BeTrue("each is told once");
            }

            amy.AskNoMore();
            await answering.Soon();
            for (var room = 0; room <= 2; room++)
            {
                var stored = (await rig.Engine.Log.ReadAsync(Address.Room($"{room}"), null, 100)).Entries.Select(e => e.Message.Text);
                stored.Should().Equal(history.Select((h, i) => (h.Room, h.Fate, Text: $"{i} {h.Fate}")).Where(h => h.Room == room && h.Fate != "refuse").Select(h => h.Text));
            }

            amy.Line.Held.Messages.Should().BeEmpty();
            amy.Line.Held.Challenges.Should().BeEmpty();
        },
        iter: 300);

    private static async ValueTask<GateResult> DecideAsync(GateContext context)
    {
        var fate = context.Message!.Text!.Split(' ')[1];
        if (fate is "wait" or "late-hold")
        {
            await Task.Yield();
        }

        return fate switch
        {
            "refuse" => GateResult.Refuse("No."),
            "hold" or "late-hold" when context.Answer is null => GateResult.Hold("riddle", "?"),
            _ => GateResult.Pass,
        };
    }

    private static async Task AnswerAllAsync(PipeRig rig, FakeEnd end)
    {
        await foreach (var asked in end.Challenges.ReadAllAsync())
        {
            if (rig.Answers.Find(end.Line, "amy", asked.Id, out var challenge) is null)
            {
                await rig.Answers.GiveAsync(end.Line, challenge, "x");
            }
        }
    }
}
