using Duplexity.Testing;
using FluentAssertions;

namespace Duplexity.Server.Tests.Bounds;

/// <summary>Two quiet clients of a node: whatever others do meanwhile, what one of them sends is taken, and the other hears it, in order.</summary>
internal sealed class Neighbours : IAsyncDisposable
{
    private const int Messages = 30;

    private readonly StockSocket _speaker;
    private readonly StockSocket _listener;
    private int _said;

    private Neighbours(StockSocket speaker, StockSocket listener) => (_speaker, _listener) = (speaker, listener);

    public static async Task<Neighbours> StartAsync(TestNode node)
    {
        var (speaker, listener) = (await StockSocket.DataAsync(node, "quiet-speaker"), await StockSocket.DataAsync(node, "quiet-listener"));
        await listener.JoinAsync("room:quiet");
        return new Neighbours(speaker, listener);
    }

    /// <summary>They talk while <paramref name="abuse"/> happens again and again, two whole rounds of it at least.</summary>
    public async Task AreServedWhileAsync(Func<Task> abuse)
    {
        using var enough = new CancellationTokenSource();
        var rounds = 0;
        var abusing = Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                await abuse();
                Interlocked.Increment(ref rounds);
            }
        });
        for (var i = 0; (i < Messages || Volatile.Read(ref rounds) < 2) && !abusing.IsCompleted; i++)
        {
            await SpeakAsync();
        }

        await enough.CancelAsync();
        await abusing.Soon(TestTimeout.Long);
    }

    /// <summary>They talk until <paramref name="abuse"/> is over.</summary>
    public async Task AreServedUntilAsync(Task abuse)
    {
        while (!abuse.IsCompleted)
        {
            await SpeakAsync();
        }

        await abuse;
    }

    private async Task SpeakAsync()
    {
        (await _speaker.SendAsync($"{_said}", "room:quiet")).Error.Should().BeNull();
        (await _listener.NextAsync()).Text.Should().Be($"{_said++}");
    }

    public async ValueTask DisposeAsync()
    {
        await _speaker.DisposeAsync();
        await _listener.DisposeAsync();
    }
}
