using Duplexity.Server.Tests.Client;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Stress;

/// <summary>Connections that break, readers that stand still, places that are gone: nothing is missing, nothing comes twice, and what cannot be had is said.</summary>
[Trait("Guarantee", "G9")]
[Trait("Requirement", "3.3")]
public sealed class LossScenarios
{
    public static TheoryData<int> Seeds => [1, 2, 3, 4, 5];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_recovery_storm_under_repeated_kicks_loses_and_repeats_nothing(int seed)
    {
        await using var rig = await StressRig.StartAsync(seed);
        var (messages, lines, ears) = (rig.Random.Next(300, 700), new List<FaultyLine>(), new List<Ear>());
        for (var i = rig.Random.Next(3, 8); i > 0; i--)
        {
            lines.Add(rig.Line());
            ears.Add(await rig.ListenAsync(await rig.ConnectAsync($"reader-{i}", lines[^1]), "storm"));
        }

        lines.Add(rig.Line());
        var sender = await rig.ConnectAsync("sender", lines[^1]);
        var sends = new List<Task<Receipt>>();
        for (var n = 0; n < messages; n++)
        {
            sends.Add(sender.SendAsync(Address.Room("storm"), $"{n}"));
            if (rig.Random.Next(20) == 0)
            {
                lines[rig.Random.Next(lines.Count)].Cut();
            }

            if (rig.Random.Next(60) == 0)
            {
                rig.Kick(share: 50);
            }

            if (rig.Random.Next(10) == 0)
            {
                // What was sent up to here is stored, or on its way again after a cut.
                await sends[^1].Soon(TestTimeout.Long);
            }
        }

        var receipts = await Task.WhenAll(sends).Soon(TestTimeout.Long);

        receipts.Select(r => r.Destinations[0].Position!.Offset).Should().Equal(Enumerable.Range(1, messages).Select(n => (long)n), "each is stored once, in the order of the sends");
        foreach (var ear in ears)
        {
            await ear.HeardAsync(messages);
            ear.Texts.Should().Equal(Enumerable.Range(0, messages).Select(n => $"{n}"));
            ear.Gaps.Should().BeEmpty();
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Trait("Requirement", "3.8")]
    [Trait("Guarantee", "G2")]
    public async Task A_place_that_is_gone_is_told_and_what_comes_after_is_whole(int seed)
    {
        await using var rig = await StressRig.StartAsync(seed, o => o.Limits.MessagesPerChannel = 40);
        var line = rig.Line();
        var ear = await rig.ListenAsync(await rig.ConnectAsync("reader", line), "short");
        var sender = await rig.ConnectAsync("sender");
        var sent = 0;
        for (var round = 0; round < 4; round++)
        {
            var before = rig.Random.Next(1, 30);
            var first = sent;
            await SendAsync(before);
            await ear.HeardAsync($"{sent - 1}");
            line.Cut(stayDown: true);

            // More than the channel keeps: what the reader has seen last is not there any more.
            await SendAsync(rig.Random.Next(41, 200));
            line.Mend();
            await Told(ear, round + 1);
            await SendAsync(rig.Random.Next(1, 30));
            await ear.HeardAsync($"{sent - 1}");

            ear.Gaps.Should().HaveCount(round + 1, "each loss is told once");
            ear.Texts.Should().OnlyHaveUniqueItems().And.Contain(Enumerable.Range(first, before).Select(n => $"{n}"));
            var numbers = ear.Texts.Select(int.Parse).ToList();
            numbers.Should().BeInAscendingOrder();
        }

        async Task SendAsync(int count)
        {
            await Task.WhenAll(Enumerable.Range(sent, count).Select(n => sender.SendAsync(Address.Room("short"), $"{n}"))).Soon();
            sent += count;
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Trait("Requirement", "2.22")]
    public async Task A_socket_that_does_not_read_is_closed_recovers_and_slows_nobody(int seed)
    {
        await using var rig = await StressRig.StartAsync(seed, o =>
        {
            o.Limits.SocketQueueBytes = 256 * 1024;
            o.Times.SocketQueueAge = TimeSpan.FromSeconds(4);
        });
        await using var slow = await RawHub.ConnectAsync(rig.Node, "data?session=slow", rig.Node.Token("slow"), receiveBuffer: 16 * 1024);
        await slow.AskAsync("Join", new { channel = "room:flood" });
        var healthy = await rig.ListenAsync(await rig.ConnectAsync("healthy"), "flood");
        var sender = await rig.ConnectAsync("sender");
        var body = new string('x', rig.Random.Next(8_000, 20_000));
        var messages = rig.Random.Next(500, 800);

        await Task.WhenAll(Enumerable.Range(0, messages).Select(n => sender.SendAsync(Address.Room("flood"), $"{n} {body}"))).Soon(TestTimeout.Long);
        await healthy.HeardAsync(messages);
        await rig.Node.Logs.WaitForAsync("the slow one is closed", line => line.Event.Name == "SocketGone" && line.Text.Contains("slow", StringComparison.Ordinal), TestTimeout.Long);

        healthy.Texts.Select(Number).Should().Equal(Enumerable.Range(0, messages));
        await using var back = await RawHub.ConnectAsync(rig.Node, "data?session=slow", rig.Node.Token("slow"));
        (await back.EventAsync("Welcome")).GetProperty("previous").GetProperty("code").GetInt32().Should().Be(Errors.SlowConsumer.Code);
        await back.InvokeAsync("Join", new { channel = "room:flood", since = new { offset = 0, epoch = "" } });
        for (var next = 0; next < messages;)
        {
            foreach (var message in (await back.EventAsync("Deliver")).EnumerateArray())
            {
                Number(message.GetProperty("text").GetString()!).Should().Be(next++);
            }
        }
    }

    private static int Number(string text) => int.Parse(text.AsSpan(0, text.IndexOf(' ', StringComparison.Ordinal)));

    private static async Task Told(Ear ear, int gaps)
    {
        using var more = new GapWait(ear, gaps);
        await more.Done.Soon(what: $"{gaps} gaps told");
    }

    /// <summary>Waits for the n-th gap.</summary>
    private sealed class GapWait : IDisposable
    {
        private readonly IDisposable _handler;
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public GapWait(Ear ear, int gaps)
        {
            _handler = ear.Subscription.OnGap(_ => Look(ear, gaps));
            Look(ear, gaps);
        }

        public Task Done => _done.Task;

        public void Dispose() => _handler.Dispose();

        private void Look(Ear ear, int gaps)
        {
            if (ear.Gaps.Count >= gaps)
            {
                _done.TrySetResult();
            }
        }
    }
}
