using CsCheck;
using Duplexity.Server.Inboxes;
using FluentAssertions;
using Xunit;
using InboxAck = Duplexity.Server.Inboxes.AckMode;

namespace Duplexity.Server.Tests.Inboxes;

/// <summary>Whatever two nodes do with one inbox at once, they agree.</summary>
[Trait("Guarantee", "G22")]
public sealed class SharedInboxTests
{
    private const int Messages = 6;

    private static readonly Gen<(int Kind, int Message)> Acts = Gen.Select(Gen.Int[0, 9], Gen.Int[0, Messages - 1]);
    private static readonly Gen<((int, int) One, (int, int) Other)[]> Histories = Gen.Select(Acts, Acts).Array[3, 25];

    [Fact]
    [Trait("Requirement", "1.31")]
    public Task By_hand_one_acknowledgement_of_each_message_counts_places_never_go_back_and_in_the_end_both_know_the_same() => Histories.SampleAsync(
        async history =>
        {
            using var shared = await SharedInbox.StartAsync(Messages);
            long place = 0;
            await Task.WhenAll(shared.Nodes.Select(n => n.ComeAsync(InboxAck.Manual)));
            foreach (var (one, other) in history)
            {
                await Task.WhenAll(Task.Run(() => ActAsync(shared.Nodes[0], one)), Task.Run(() => ActAsync(shared.Nodes[1], other)));
                var written = await shared.WrittenAsync();
                written.Should().BeGreaterThanOrEqualTo(place);
                place = written;
            }

            // What the one writes may let the other know of more, which that one writes.
            foreach (var node in Enumerable.Repeat(shared.Nodes, 4).SelectMany(n => n))
            {
                await node.Inbox.KeepAsync();
                await node.Inbox.LookAsync();
            }

            shared.Accepted.Values.Should().NotContain(n => n != 1);
            shared.Wrong.Should().BeEmpty();
            shared.Nodes[0].Reader.Cursor.Should().Be(shared.Nodes[1].Reader.Cursor);
            foreach (var accepted in shared.Accepted.Keys)
            {
                foreach (var node in shared.Nodes)
                {
                    (await node.Inbox.AcknowledgeAsync(node.Reader, shared.Entries[(int)accepted - 1].Position, null, null)).Should().Be(Errors.Taken);
                }
            }

            async Task ActAsync(SharedInbox.Node node, (int Kind, int Message) act)
            {
                var place = shared.Entries[act.Message].Position;
                await (act.Kind switch
                {
                    < 4 => Task.Run(node.Offer),
                    < 7 => node.AcknowledgeAsync(place),
                    7 => act.Message == 0 ? node.Inbox.AcknowledgeThroughAsync(node.Reader, place, null).AsTask() : node.Inbox.KeepAsync(),
                    8 => node.Inbox.LookAsync().AsTask(),
                    _ => node.ComeAsync(InboxAck.Manual),
                });
            }
        },
        iter: 2_000,
        threads: 2);

    [Fact]
    [Trait("Guarantee", "G17")]
    public async Task A_node_whose_place_passes_what_another_one_has_dealt_and_settled_does_not_deal_that_again()
    {
        using var shared = await SharedInbox.StartAsync(5);
        var (node, places) = (shared.Nodes[1], shared.Entries.Select(e => e.Position).ToArray());
        var reader = new InboxReader("", Position.Start);
        reader.Arrive(node.Reading(reader, InboxAck.Claim, 2), default);
        OutstandingRecord Outstanding(int nth, string? holder) => new($"m{nth}", places[nth].ToString(), shared.Entries[nth].Before.ToString(), 1) { IsClaim = true, Holder = holder, Node = holder is null ? null : "a" };

        // The other one has dealt all five; the first was given back, the last is held, what is between is done.
        var written = new ReaderRecord(Position.Start.ToString(), 0, [2, 4], places[3].ToString()) { Outstanding = [Outstanding(0, null), Outstanding(4, "a1")] };
        reader.Adopt(written, new Terms("b", shared.Time.GetUtcNow(), TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(10)));
        reader.Ripen(shared.Time.GetUtcNow(), 5);
        reader.DealAgain(shared.Time.GetUtcNow(), "b").Should().ContainSingle().Which.Attempt.Should().Be(2);
        reader.Acknowledge(places[0], 2, node.SocketId).Should().BeNull();

        reader.Cursor.Should().Be(places[3]);
        shared.Entries.Select(e => reader.DealNext(e, default, "b")).Should().AllSatisfy(d => d.Should().BeNull());
    }

    [Fact]
    [Trait("Guarantee", "G17")]
    public Task Each_attempt_of_a_claim_is_one_sockets_the_last_one_counts_and_what_a_dead_node_had_is_done_by_the_other() => Histories.SampleAsync(
        async history =>
        {
            using var shared = await SharedInbox.StartAsync(Messages, o => o.Limits.InboxAttempts = int.MaxValue);
            await Task.WhenAll(shared.Nodes.Select(n => n.ComeAsync(InboxAck.Claim, 2)));
            foreach (var (one, other) in history)
            {
                await Task.WhenAll(Task.Run(() => ActAsync(shared.Nodes[0], one)), Task.Run(() => ActAsync(shared.Nodes[1], other)));
            }

            // The other one stops in the middle of whatever it does.
            shared.Bury(shared.Nodes[1]);
            shared.Nodes[1].Inbox.Dispose();
            for (var rounds = 0; (shared.Accepted.Count < Messages || shared.Nodes[0].Reader.Cursor.Offset < Messages) && rounds < 100_000; rounds++)
            {
                shared.Time.Advance(TimeSpan.FromSeconds(1));
                await Task.Yield();
                while (shared.Nodes[0].Hand.TryDequeue(out var dealt))
                {
                    await shared.Nodes[0].AcknowledgeAsync(dealt.Entry.Position, dealt.Attempt, dealt.Socket);
                }
            }

            shared.Wrong.Should().BeEmpty();
            shared.Accepted.Should().HaveCount(Messages).And.OnlyContain(a => a.Value == 1);
            shared.Nodes[0].Reader.Cursor.Should().Be(shared.Entries[^1].Position);

            async Task ActAsync(SharedInbox.Node node, (int Kind, int Message) act)
            {
                switch (act.Kind)
                {
                    case < 4 when node.Hand.TryDequeue(out var done):
                        await node.AcknowledgeAsync(done.Entry.Position, done.Attempt, done.Socket);
                        break;
                    case < 6 when node.Hand.TryDequeue(out var back):
                        await node.Inbox.ReturnAsync(node.Reader, back.Entry.Position, back.Attempt, back.Socket, TimeSpan.Zero);
                        break;
                    case 6 when node.Hand.TryPeek(out var held):
                        await node.Inbox.RenewAsync(node.Reader, held.Entry.Position, held.Attempt, held.Socket);
                        break;
                    case 7:
                        shared.Time.Advance(TimeSpan.FromSeconds(10 * act.Message));
                        break;
                    case 8:
                        await node.Inbox.LookAsync();
                        break;
                    case 9:
                        await node.ComeAsync(InboxAck.Claim, 1 + (act.Message / 2));
                        break;
                    default:
                        await Task.Yield();
                        break;
                }
            }
        },
        iter: 1_000,
        threads: 2);
}
