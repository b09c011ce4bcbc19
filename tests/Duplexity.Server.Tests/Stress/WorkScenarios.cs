using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Inboxes;
using Duplexity.Server.Sockets;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Stress;

/// <summary>Work that is claimed, carried on by a pipe, waited for and asked about, while those who do it lose their connections.</summary>
[Trait("Requirement", "1.31")]
[Trait("Guarantee", "G22")]
public sealed class WorkScenarios
{
    public static TheoryData<int> Seeds => [1, 2, 3, 4, 5];

    [Theory]
    [MemberData(nameof(Seeds))]
    [Trait("Guarantee", "G3")]
    [Trait("Guarantee", "G20")]
    public async Task Claimed_work_is_done_once_each_and_who_waits_for_it_is_told(int seed)
    {
        await using var rig = await StressRig.StartAsync(seed, o => (o.Times.InboxClaim, o.Times.InboxAgain, o.Times.InboxAgainMost, o.Limits.InboxAttempts) =
            (TimeSpan.FromMilliseconds(500), TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(20), 10_000));
        var orders = rig.Random.Next(40, 90);
        var (settled, all) = (new ConcurrentQueue<(Position Place, bool IsThrough)>(), new TaskCompletionSource());
        rig.Node.Services.GetRequiredService<InboxIndex>().Acknowledged += (inbox, place, isThrough) =>
        {
            if (inbox == Address.Client("kitchen"))
            {
                settled.Enqueue((place, isThrough));
                if (settled.Count >= orders)
                {
                    all.TrySetResult();
                }
            }
        };

        var kitchen = await rig.ConnectAsync("kitchen");
        var pipe = (await kitchen.MessagePipes.SetAsync([new MessagePipe { From = "room:orders", To = ["client:kitchen"] }]).Soon()).Single();
        using var over = new CancellationTokenSource();
        var work = new List<Task>();
        for (var i = rig.Random.Next(2, 5); i > 0; i--)
        {
            var worker = await rig.ConnectAsync("kitchen", options: o => o with { Inbox = new() { Ack = AckMode.Claim, Hands = 1 + (i % 2) } });
            await worker.Inbox.JoinAsync().Soon();
            work.Add(WorkAsync(worker, new Random(rig.Random.Next()), over.Token));
        }

        var guests = new[] { await rig.ConnectAsync("amy"), await rig.ConnectAsync("ben") };
        var (receipts, carried) = (new List<Task<Receipt>>(), 0);
        for (var n = 0; n < orders; n++)
        {
            var guest = guests[rig.Random.Next(guests.Length)];
            if (rig.Random.Next(2) == 0)
            {
                await guest.SendAsync(Address.Room("orders"), $"{n}").Soon();
                carried++;
            }
            else
            {
                receipts.Add(guest.SendAsync(Address.Client("kitchen"), $"{n}", new() { Level = ReceiptLevel.Acknowledged, Within = TestTimeout.Long }));
            }

            if (rig.Random.Next(8) == 0)
            {
                await (receipts.Count == 0 ? Task.CompletedTask : receipts[rig.Random.Next(receipts.Count)]).Soon(TestTimeout.Long);
                Kick(rig, "kitchen");
            }
        }

        await all.Task.Soon(TestTimeout.Long);
        (await Task.WhenAll(receipts).Soon(TestTimeout.Long)).Should().HaveCount(orders - carried).And.OnlyContain(r => r.Level == ReceiptLevel.Acknowledged);
        await over.CancelAsync();
        await Task.WhenAll(work).Soon();
        settled.Should().HaveCount(orders).And.OnlyHaveUniqueItems("one acknowledgement of each is accepted").And.OnlyContain(s => !s.IsThrough);
        (await rig.LogAsync(Address.Client("kitchen"))).Should().BeEquivalentTo(Enumerable.Range(0, orders).Select(n => $"{n}"));
        await kitchen.MessagePipes.RemoveAsync(pipe.Id!).Soon();
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Whoever_asks_is_answered_once_though_the_one_who_answers_loses_its_connection(int seed)
    {
        await using var rig = await StressRig.StartAsync(seed);
        var (asked, most) = (new ConcurrentQueue<string>(), rig.Random.Next(30, 60));
        var oracle = await rig.ConnectAsync("oracle");
        oracle.Inbox.OnMessage(async (question, ct) =>
        {
            asked.Enqueue(question.Text!);
            await question.ReplyAsync($"re {question.Text}", ct: ct);
        });
        var guests = new[] { await rig.ConnectAsync("amy"), await rig.ConnectAsync("ben") };
        for (var n = 0; n < most; n += 5)
        {
            var five = Enumerable.Range(n, 5).Select(i => guests[rig.Random.Next(guests.Length)].RequestAsync(Address.Client("oracle"), $"{i}", TestTimeout.Long)).ToList();
            if (rig.Random.Next(3) == 0)
            {
                Kick(rig, "oracle");
            }

            (await Task.WhenAll(five).Soon(TestTimeout.Long)).Select(answer => answer.Text).Should().Equal(Enumerable.Range(n, 5).Select(i => $"re {i}"));
        }

        asked.Should().OnlyHaveUniqueItems("its handler sees each question once");
    }

    /// <summary>Does what it is given, or gives it back, as its fate says; what it has lost meanwhile is somebody else's.</summary>
    private static async Task WorkAsync(DuplexityConnection worker, Random fate, CancellationToken over)
    {
        try
        {
            await foreach (var claim in worker.Inbox.ClaimAllAsync(over))
            {
                await using (claim)
                {
                    if (fate.Next(4) > 0)
                    {
                        await TryAcknowledgeAsync(claim, over);
                    }
                }
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // All is done.
        }
    }

    private static async Task TryAcknowledgeAsync(ClaimedMessage claim, CancellationToken over)
    {
        try
        {
            await claim.AcknowledgeAsync(over);
        }
        catch (DuplexityException)
        {
            // Its lease or its connection was lost: it is offered again, or was settled before the answer came.
        }
    }

    /// <summary>Closes one of a client's sockets, with a code that says "come back".</summary>
    private static void Kick(StressRig rig, string client)
    {
        if (rig.Node.Services.GetRequiredService<SocketIndex>().OfClient(client).ToArray() is { Length: > 0 } there)
        {
            there[rig.Random.Next(there.Length)].Close(Errors.ShuttingDown, "The scenario kicks it.");
        }
    }
}
