using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Stress;

/// <summary>The node stops and starts again under those who send and those who listen: what is on the disk is all, once, in one order.</summary>
[Trait("Requirement", "3.3")]
[Trait("Guarantee", "G4")]
[Trait("Guarantee", "G9")]
public sealed class RestartScenarios
{
    public static TheoryData<int> Seeds => [1, 2, 3, 4, 5];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task An_engine_restarted_under_load_loses_and_repeats_nothing(int seed)
    {
        await using var rig = await StressRig.StartAsync(seed, isKept: true);
        var (publishers, each, restarts) = (rig.Random.Next(2, 5), rig.Random.Next(60, 150), rig.Random.Next(2, 4));
        var ears = new List<Ear>();
        for (var i = rig.Random.Next(1, 4); i > 0; i--)
        {
            ears.Add(await rig.ListenAsync(await rig.ConnectAsync($"reader-{i}"), "kept"));
        }

        var connections = new List<DuplexityConnection>();
        for (var p = 0; p < publishers; p++)
        {
            connections.Add(await rig.ConnectAsync($"publisher-{p}"));
        }

        // Each has a few under way at any time; when so many have their receipts, the node goes down in the middle of the others.
        var stops = Enumerable.Range(1, restarts).Select(n => n * publishers * each / (restarts + 1)).ToArray();
        var stored = 0;
        var reached = stops.Select(_ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).ToArray();
        var sending = Task.WhenAll(connections.Select((connection, p) => Task.Run(async () =>
        {
            using var places = new SemaphoreSlim(8);
            var sends = new Task[each];
            for (var n = 0; n < each; n++)
            {
                await places.WaitAsync();
                sends[n] = SendAsync(connection, $"{p}:{n}", places);
            }

            await Task.WhenAll(sends);
        })));
        foreach (var stop in reached)
        {
            await stop.Task.Soon(TestTimeout.Long, "so many are stored");
            await rig.RestartAsync();
        }

        await sending.Soon(TestTimeout.Long);

        var log = await rig.LogAsync(Address.Room("kept"));
        log.Should().HaveCount(publishers * each).And.OnlyHaveUniqueItems("each send is stored once");
        for (var p = 0; p < publishers; p++)
        {
            log.Where(text => text!.StartsWith($"{p}:", StringComparison.Ordinal)).Should().Equal(Enumerable.Range(0, each).Select(n => $"{p}:{n}"));
        }

        foreach (var ear in ears)
        {
            await ear.HeardAsync(log.Count);
            ear.Texts.Should().Equal(log);
            ear.Gaps.Should().BeEmpty();
        }

        async Task SendAsync(DuplexityConnection connection, string text, SemaphoreSlim places)
        {
            await connection.SendAsync(Address.Room("kept"), text);
            places.Release();
            var now = Interlocked.Increment(ref stored);
            for (var i = 0; i < stops.Length; i++)
            {
                if (now >= stops[i])
                {
                    reached[i].TrySetResult();
                }
            }
        }
    }
}
