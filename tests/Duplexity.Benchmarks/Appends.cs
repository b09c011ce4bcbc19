using System.Diagnostics;
using Duplexity.Server;
using Duplexity.Server.Engine;
using Duplexity.Server.Redis;
using Duplexity.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Duplexity.Benchmarks;

/// <summary>The message log alone: how much it takes, by durability and by how many wait at once. Each sender awaits one append before the next, to one of 50 rooms, with a session and a sequence.</summary>
internal static class Appends
{
    private static readonly TimeSpan Each = TimeSpan.FromSeconds(4);
    private static readonly string Text = new('x', 100);
    private static long _ids;

    public static async Task RunAsync()
    {
        foreach (var level in new[] { ReceiptLevel.Accepted, ReceiptLevel.Written, ReceiptLevel.Fsynced })
        {
            foreach (var senders in new[] { 1, 64, 1_000 })
            {
                var folder = Directory.CreateTempSubdirectory("duplexity-benchmark-");
                var options = new DuplexityOptions();
                using (var engine = level == ReceiptLevel.Accepted
                    ? new EmbeddedEngine(TimeProvider.System, Options.Create(options), NullLogger<EmbeddedEngine>.Instance)
                    : new EmbeddedEngine(TimeProvider.System, options, new SqliteMessageLog(folder.FullName, level, TimeProvider.System, options, new DefaultRetention(options), NullLogger.Instance)))
                {
                    engine.Attach(new Nobody());
                    await MeasureAsync(engine.Log, level, senders);
                }

                folder.Delete(recursive: true);
            }
        }
    }

    /// <summary>The same on Redis, a process of its own on the same cores; everything that is appended comes back to the one node as a hint.</summary>
    public static async Task RunOnRedisAsync()
    {
        foreach (var fsync in new[] { "everysec", "always" })
        {
            foreach (var senders in new[] { 1, 64, 1_000 })
            {
                await using var redis = await RedisProcess.StartAsync("--appendfsync", fsync);
                var options = new DuplexityOptions();
                var link = new RedisLink(new RedisOptions { Connection = redis.Connection }, TimeProvider.System);
                await using var engine = new RedisEngine(link, new RedisRecords(link), "n1", options, new DefaultRetention(options), TimeProvider.System, NullLogger.Instance);
                engine.Attach(new Nobody());
                await engine.StartAsync();
                await MeasureAsync(engine.Log, engine.Log.Level, senders);
            }
        }
    }

    private static async Task MeasureAsync(IMessageLog log, ReceiptLevel level, int senders)
    {
        await RunAsync(log, senders, "warm", TimeSpan.FromSeconds(1));
        var began = Stopwatch.GetTimestamp();
        var took = await RunAsync(log, senders, "measured", Each);
        var rate = Conditions.PerSecond(took.Count, Stopwatch.GetElapsedTime(began));
        Conditions.Say($"{level,-8} {senders,4} waiting: {rate}/s; one append: median {took[took.Count / 2]:0.00} ms, p99 {took[took.Count * 99 / 100]:0.00} ms; {Text.Length} B");
    }

    private static async Task<List<double>> RunAsync(IMessageLog log, int senders, string session, TimeSpan time)
    {
        var began = Stopwatch.GetTimestamp();
        var all = await Task.WhenAll(Enumerable.Range(0, senders).Select(sender => Task.Run(async () =>
        {
            var took = new List<double>();
            var room = Address.Room($"r{sender % 50}");
            for (var i = 1; Stopwatch.GetElapsedTime(began) < time; i++)
            {
                var message = new StoredMessage { Id = $"{Interlocked.Increment(ref _ids):x32}", FromClient = $"c{sender}", SentAt = DateTimeOffset.UtcNow, Text = Text, Destinations = [room] };
                var start = Stopwatch.GetTimestamp();
                await log.AppendAsync(new AppendRequest(message, new IdempotencyKey($"c{sender}", session, i, null, "f")));
                took.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            return took;
        })));
        return [.. all.SelectMany(t => t).Order()];
    }

    private sealed class Nobody : IEngineHandler
    {
        public void OnAppended(LogEntry entry)
        {
        }
    }
}
