using Duplexity.Server.Engine;
using Duplexity.Server.Redis;
using Duplexity.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Two nodes on one Redis. What came after a mark is lost by a failover to a replica that was cut off at the mark.</summary>
internal sealed class RedisEngineUnderTest(RedisProcess server, RedisOptions redis, TimeProvider time, DuplexityOptions options, IRetention retention, IReadOnlyList<IEngineHandler> handlers, ILogger? logger = null)
    : EngineUnderTest
{
    private readonly List<RedisEngine> _nodes = [];
    private RedisProcess? _replica;
    private string _connection = redis.Connection;

    public override IReadOnlyList<IEngine> Nodes => _nodes;

    public override ReceiptLevel Level => ReceiptLevel.Written;

    /// <summary>What the keys begin with.</summary>
    public string Prefix => redis.Prefix;

    /// <summary>The nodes as what they are.</summary>
    public IReadOnlyList<RedisEngine> Engines => _nodes;

    public async Task StartAsync()
    {
        for (var i = 0; i < handlers.Count; i++)
        {
            _nodes.Add(await StartNodeAsync($"n{i + 1}", handlers[i]));
        }
    }

    /// <summary>A further node.</summary>
    public async Task<RedisEngine> StartNodeAsync(string name, IEngineHandler handler)
    {
        var settings = new RedisOptions { Connection = _connection, Prefix = redis.Prefix, Timeout = redis.Timeout, Lease = redis.Lease, Renewal = redis.Renewal, Check = redis.Check, Replicas = redis.Replicas };
        var link = new RedisLink(settings, time);
        var engine = new RedisEngine(link, new RedisRecords(link), name, options, retention, time, logger ?? NullLogger.Instance);
        engine.Attach(handler);
        await engine.StartAsync();
        return engine;
    }

    public override async Task MarkAsync()
    {
        _replica = await server.StartReplicaAsync();
        await _replica.PromoteAsync();
    }

    public override async Task LoseSinceMarkAsync()
    {
        await StopAsync();
        _connection = redis.Connection.Replace($":{server.Port}", $":{_replica!.Port}", StringComparison.Ordinal);
        await StartAsync();
    }

    public override async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    public override Task TendAsync() => Task.WhenAll(_nodes.Select(n => n.Node.RoundAsync()));

    public override async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (_replica is not null)
        {
            await _replica.DisposeAsync();
        }
    }

    private async Task StopAsync()
    {
        foreach (var node in _nodes)
        {
            await node.DisposeAsync();
        }

        _nodes.Clear();
    }
}
