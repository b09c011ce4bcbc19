using System.Collections.Concurrent;
using System.Text.Json;
using Duplexity.Server.Engine;
using Duplexity.Server.Redis.Diagnostics;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>Which sessions serve which public name, for all nodes. What this node has registered it remembers, to put it back where the store has lost it.</summary>
internal sealed class RedisRegistry(RedisLink link, RedisNode node, TimeSpan handOver, ILogger logger) : IRegistry
{
    private readonly ConcurrentDictionary<(string Name, string Session), PipeEntry> _own = new();

    /// <inheritdoc/>
    public async ValueTask<long> NextGenerationAsync(CancellationToken ct = default) => (long)await link.RunAsync(RedisScript.Grow, [link.Keys.Generation]);

    /// <inheritdoc/>
    public async ValueTask<RegisterResult> RegisterAsync(IReadOnlyList<PipeEntry> entries, CancellationToken ct = default)
    {
        var result = Read(await node.RunAsync(RedisScript.Register, [link.Keys.Nodes, link.Keys.Pipes], id => Said(id, entries)));
        if (result.Conflicts.Count == 0)
        {
            foreach (var entry in entries)
            {
                _own[(entry.Name, entry.Session)] = entry;
            }

            foreach (var old in result.Replaced.Where(old => _own.TryGetValue((old.Name, old.Session), out var own) && own.Generation <= old.Generation))
            {
                _own.TryRemove((old.Name, old.Session), out _);
            }
        }

        return result;
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<PipeEntry>> LocateAllAsync(string name, CancellationToken ct = default) =>
        Entries(await link.RunAsync(RedisScript.Locate, [link.Keys.Pipes, link.Keys.LeftPipes], [name, .. NameTree.WildcardsOver(name).Select(w => (RedisValue)w)]));

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<PipeEntry>> ReadAllAsync(string name, CancellationToken ct = default) => Entries(await link.RunAsync(RedisScript.Pipes, [link.Keys.Pipes], name));

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<PipeEntry>> ListAsync(string? client, CancellationToken ct = default) => Entries(client is null
        ? await link.RunAsync(RedisScript.Pipes, [link.Keys.Pipes])
        : await link.RunAsync(RedisScript.OwnPipes, [link.Keys.Pipes, link.Keys.PipesOf(client)]));

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<PipeEntry>> RemoveAsync(string client, string session, long generation, IReadOnlyList<string>? names = null, CancellationToken ct = default)
    {
        foreach (var own in _own.Values.Where(e => e.Client == client && e.Session == session && e.Generation <= generation && names?.Contains(e.Name) != false))
        {
            _own.TryRemove(new((own.Name, own.Session), own));
        }

        RedisValue[] said =
        [
            link.Keys.Belongings, link.Keys.AllPipesOf, link.Keys.AllPipesBelow, client, session, generation, RedisAppends.Microseconds(handOver), names is null ? 1 : 0, .. (names ?? []).Select(n => (RedisValue)n),
        ];
        return Entries(await link.RunAsync(RedisScript.Unregister, [link.Keys.Pipes, link.Keys.PipesOf(client), link.Keys.LeftPipes, link.Keys.LeftPipesUntil], said));
    }

    /// <summary>Registers once more what this node has registered, but for what has moved since.</summary>
    public async Task RestoreAsync()
    {
        foreach (var key in _own.Keys)
        {
            await RestoreAsync(key);
        }
    }

    private async Task RestoreAsync((string Name, string Session) key)
    {
        // Again while it is changed in the same moment: what was put back may have come behind that.
        while (_own.TryGetValue(key, out var own))
        {
            // Not by the node's own way: this is part of what that does.
            var answer = (RedisResult[])(await link.RunAsync(RedisScript.Register, [link.Keys.Nodes, link.Keys.Pipes], Said(node.Id, [own])))!;
            if (Read(answer).Conflicts.Count > 0)
            {
                Log.PipeMoved(logger, own.Name);
                _own.TryRemove(new(key, own));
            }
            else if (!_own.TryGetValue(key, out var now))
            {
                await RemoveAsync(own.Client, own.Session, own.Generation, [own.Name]);
            }
            else if (now == own)
            {
                return;
            }
        }
    }

    private static RegisterResult Read(RedisResult[] answer) => new((string[])answer[1]!, Entries(answer[2]));

    private static PipeEntry[] Entries(RedisResult packed) =>
        [.. ((RedisValue[])packed!).Select(e => JsonSerializer.Deserialize<PipeEntry>((string)e!)!).OrderBy(e => e.Name, StringComparer.Ordinal).ThenBy(e => e.Generation)];

    private RedisValue[] Said(string id, IReadOnlyList<PipeEntry> entries) =>
        [
            id, link.Keys.Belongings, link.Keys.AllPipesOf, link.Keys.AllPipesBelow,
            .. entries.SelectMany(e => new RedisValue[] { e.Name, e.Client, e.Session, e.Generation, e.IsShared ? 1 : 0, JsonSerializer.Serialize(e), e.Tree }),
        ];
}
