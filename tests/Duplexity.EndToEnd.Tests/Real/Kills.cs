using Duplexity.Testing;
using FluentAssertions;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>One program that sends without a pause while its service is killed and started again, over and over.</summary>
internal static class Kills
{
    /// <summary>Kills when so many more sends are answered, at random at most <paramref name="most"/>: all others are then on their way somewhere. How many were sent and answered in the end: the texts "1", "2" and so on.</summary>
    public static async Task<int> WhileSendingAsync(RealService service, int kills, int most, int seed, int inFlight, Func<string, Task> send)
    {
        var random = new Random(seed);
        using var counted = new SemaphoreSlim(0);
        using var free = new SemaphoreSlim(inFlight);
        using var enough = new CancellationTokenSource();
        var sending = SendAsync();
        for (var kill = 0; kill < kills; kill++)
        {
            for (var more = random.Next(1, most); more > 0; more--)
            {
                (await counted.WaitAsync(TestTimeout.Long)).Should().BeTrue($"kill {kill}: receipts go on coming");
            }

            service.Process.Kill();
            await service.Process.ExitAsync();
            await service.StartAgainAsync();
        }

        await enough.CancelAsync();
        return await sending.Soon(TestTimeout.Long);

        async Task<int> SendAsync()
        {
            List<Task> answered = [];
            for (var i = 1; ; i++)
            {
                await free.WaitAsync();
                if (enough.IsCancellationRequested)
                {
                    await Task.WhenAll(answered);
                    return i - 1;
                }

                answered.Add(OneAsync($"{i}"));
            }
        }

        async Task OneAsync(string text)
        {
            await send(text);
            free.Release();
            counted.Release();
        }
    }
}
