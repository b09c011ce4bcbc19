using Duplexity.Server.Backend;
using Duplexity.Server.Engine;
using Duplexity.Server.Tunnels.Away;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Away;

/// <summary>Queues at names under a wildcard, which go before it: what its other visitors pay for that.</summary>
[Trait("Requirement", "2.11")]
public sealed class WildcardQueueTests
{
    private static readonly PipeOptions Plain = new();

    [Fact]
    public async Task Visitors_of_a_wildcard_do_not_cost_a_look_into_the_records_each_and_a_new_queue_is_found_at_once()
    {
        var reads = new List<string>();
        await using var node = await QueueRig.NodeAsync(setup: s => (s.Services, s.Time) = (services => Count(services, reads), new FakeTimeProvider(DateTimeOffset.UtcNow)));
        await using var app = await HookApp.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("*.shop", $"127.0.0.1:{app.Port}", Plain).Soon();
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x", name: "a.shop"))).Should().Be(200);
        lock (reads)
        {
            reads.Clear();
        }

        for (var i = 0; i < 10; i++)
        {
            (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x", name: "a.shop"))).Should().Be(200);
        }

        lock (reads)
        {
            reads.Where(k => k == "a.shop.localhost").Should().BeEmpty();
        }

        await QueueRig.AwayAsync(node, name: "a.shop.localhost");
        await QueueRig.KeepAsync(node, "kept", name: "a.shop");
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x", name: "b.shop"))).Should().Be(200);
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task A_queue_that_another_node_has_begun_is_found_as_soon_as_that_is_told()
    {
        await using var node = await QueueRig.NodeAsync();
        await using var app = await HookApp.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await amy.Pipes.OpenAsync("*.shop", $"127.0.0.1:{app.Port}", Plain).Soon();
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x", name: "a.shop"))).Should().Be(200);
        var wildcard = (await node.Services.GetRequiredService<BackendRegistry>().LocateAsync("a.shop.localhost", default))!;
        var queue = new QueueRecord { Id = "0123456789ab", Pipe = wildcard with { Name = "a.shop.localhost", Node = "", Session = "", Settings = new() { Offline = "queue" } }, Until = DateTimeOffset.UtcNow.AddDays(1) };

        await node.Services.GetRequiredService<IEngine>().Records.PutAsync(QueueUse.QueueKind, "a.shop.localhost", System.Text.Json.JsonSerializer.Serialize(queue));
        node.Services.GetRequiredService<BackendRegistry>().Forget(["a.shop.localhost"]);

        await QueueRig.KeepAsync(node, "kept", name: "a.shop");
    }

    private static void Count(IServiceCollection services, List<string> reads)
    {
        var own = services.Last(d => d.ServiceType == typeof(IRecords));
        services.AddSingleton<IRecords>(provider => new CountingRecords((IRecords)own.ImplementationFactory!(provider), reads));
    }

    /// <summary>Notes which keys are read.</summary>
    private sealed class CountingRecords(IRecords inner, List<string> reads) : IRecords
    {
        public bool IsDurable => inner.IsDurable;

        public ValueTask<bool> TryAddAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => inner.TryAddAsync(kind, key, value, expiresAt, ct);

        public ValueTask PutAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => inner.PutAsync(kind, key, value, expiresAt, ct);

        public ValueTask<bool> TryReplaceAsync(string kind, string key, string expected, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => inner.TryReplaceAsync(kind, key, expected, value, expiresAt, ct);

        public ValueTask<string?> ReadAsync(string kind, string key, CancellationToken ct = default)
        {
            lock (reads)
            {
                reads.Add(key);
            }

            return inner.ReadAsync(kind, key, ct);
        }

        public ValueTask<string?> TakeAsync(string kind, string key, CancellationToken ct = default) => inner.TakeAsync(kind, key, ct);

        public ValueTask<IReadOnlyList<KeyValuePair<string, string>>> ListAsync(string kind, CancellationToken ct = default) => inner.ListAsync(kind, ct);
    }
}
