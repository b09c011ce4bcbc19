using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Names;

/// <summary>
/// The names that clients have reserved, as the records have them. Read before the node serves anybody; asking is one look into memory, and a change is told to all nodes. A released name stays written, with when another client may
/// have it. Thread-safe.
/// </summary>
internal sealed class NameBook(IEngine engine, PipeUrl url, TimeProvider time, IOptions<DuplexityOptions> options) : IHostedService, ISystemListener
{
    private const string RecordKind = "name";

    // Who changed it has done it already.
    private readonly string _self = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
    private readonly ChangeTurns _changes = new();
    private readonly ConcurrentDictionary<string, ReservedName> _names = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public string Kind => "name";

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var (name, text) in await engine.Records.ListAsync(RecordKind, cancellationToken))
        {
            _names[name] = ReservedName.Read(text);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>What is reserved or rests, of one client or (null) of all, by name.</summary>
    public IReadOnlyList<ReservedName> List(string? owner)
    {
        var now = time.GetUtcNow();
        return [.. _names.Values.Where(n => n.IsKeptAt(now) && (owner is null || n.Owner == owner)).OrderBy(n => n.Name, StringComparer.Ordinal)];
    }

    /// <summary>The reservation of just this name that keeps others from it; null: there is none.</summary>
    public ReservedName? Find(string name) => _names.GetValueOrDefault(name) is { } there && there.IsKeptAt(time.GetUtcNow()) ? there : null;

    /// <summary>Whether somebody else keeps a name, or one above or below it.</summary>
    public bool IsAnothers(string client, string name) => Others(client, name).Any();

    /// <summary>What others keep at a name, above or below it.</summary>
    public IEnumerable<ReservedName> Others(string client, string name)
    {
        var roots = NameTree.Of(name, url.Domain).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var there = roots.Select(Find).OfType<ReservedName>();
        if (roots.Length > 0 && !url.Covers(roots[0]))
        {
            // Under the server's own domain only labels right before it are reserved: nothing is below them.
            var now = time.GetUtcNow();
            there = there.Concat(_names.Values.Where(n => n.IsKeptAt(now) && n.Name.EndsWith($".{roots[0]}", StringComparison.Ordinal)));
        }

        return there.Where(n => n.Owner != client);
    }

    /// <summary>Whether a host is reserved, or below a name that is; a released one is not.</summary>
    public ReservedName? Over(string host) =>
        NameTree.Of(host, url.Domain).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(_names.GetValueOrDefault).FirstOrDefault(n => n is { FreeAt: null });

    /// <summary>Writes a name down as a client's; false where somebody else has it.</summary>
    public async ValueTask<bool> TryReserveAsync(string client, string name, CancellationToken ct)
    {
        if (!await WriteAsync(client, name, ct))
        {
            return false;
        }

        await TellAsync(name);
        return true;
    }

    /// <summary>
    /// Lets go of what a client has reserved; it rests for <see cref="TimeOptions.NameRest"/>, or with <paramref name="rests"/> false is as if it had never been. False where the client has no such name.
    /// </summary>
    public async ValueTask<bool> ReleaseAsync(string client, string name, bool rests, CancellationToken ct)
    {
        if (!await StrikeAsync(client, name, rests, ct))
        {
            return false;
        }

        await TellAsync(name);
        return true;
    }

    /// <summary>Forgets a name that its owner, or whom it was until a while ago, has no more by any proof; where it has another owner by now, nothing changes.</summary>
    public async ValueTask ForgetAsync(ReservedName lost, CancellationToken ct)
    {
        using (await _changes.EnterAsync(lost.Name, ct))
        {
            if (await engine.Records.ReadAsync(RecordKind, lost.Name, ct) is not { } text || ReservedName.Read(text).Owner != lost.Owner)
            {
                return;
            }

            await engine.Records.TakeAsync(RecordKind, lost.Name, ct);
            _names.TryRemove(lost.Name, out _);
        }

        await TellAsync(lost.Name);
    }

    /// <inheritdoc/>
    public async ValueTask<int> HearAsync(string text)
    {
        var news = JsonSerializer.Deserialize<News>(text)!;
        if (news.By != _self)
        {
            await ReadAsync(news.Name);
        }

        return 0;
    }

    /// <inheritdoc/>
    public async ValueTask RereadAsync()
    {
        foreach (var name in (await engine.Records.ListAsync(RecordKind)).Select(r => r.Key).Concat(_names.Keys).Distinct().ToArray())
        {
            await ReadAsync(name);
        }
    }

    private async ValueTask<bool> WriteAsync(string client, string name, CancellationToken ct)
    {
        using var turn = await _changes.EnterAsync(name, ct);
        var now = time.GetUtcNow();
        var reserved = new ReservedName(name, client, now, null);
        var text = await engine.Records.ReadAsync(RecordKind, name, ct);
        var there = text is null ? null : ReservedName.Read(text);
        if (there is not null && there.IsKeptAt(now) && there.Owner != client)
        {
            return false;
        }

        if (there is not { FreeAt: null })
        {
            var isWritten = text is null
                ? await engine.Records.TryAddAsync(RecordKind, name, reserved.Write(), null, ct)
                : await engine.Records.TryReplaceAsync(RecordKind, name, text, reserved.Write(), null, ct);
            if (!isWritten)
            {
                return false;
            }
        }

        _names[name] = there is { FreeAt: null } ? there : reserved;
        return true;
    }

    private async ValueTask<bool> StrikeAsync(string client, string name, bool rests, CancellationToken ct)
    {
        using var turn = await _changes.EnterAsync(name, ct);
        if (await engine.Records.ReadAsync(RecordKind, name, ct) is not { } text || ReservedName.Read(text) is not { FreeAt: null } there || there.Owner != client)
        {
            return false;
        }

        var rest = options.Value.Times.NameRest;
        if (rests && rest > TimeSpan.Zero)
        {
            var released = there with { FreeAt = time.GetUtcNow() + rest };
            if (!await engine.Records.TryReplaceAsync(RecordKind, name, text, released.Write(), released.FreeAt, ct))
            {
                return false;
            }

            _names[name] = released;
        }
        else
        {
            await engine.Records.TakeAsync(RecordKind, name, ct);
            _names.TryRemove(name, out _);
        }

        return true;
    }

    private async ValueTask ReadAsync(string name)
    {
        using var turn = await _changes.EnterAsync(name, default);
        if (await engine.Records.ReadAsync(RecordKind, name) is { } text)
        {
            _names[name] = ReservedName.Read(text);
        }
        else
        {
            _names.TryRemove(name, out _);
        }
    }

    private async ValueTask TellAsync(string name)
    {
        if (engine.Lease is not null)
        {
            await engine.SystemLog.TellAsync(Kind, JsonSerializer.Serialize(new News(_self, name)), options.Value.Times.Confirm);
        }
    }

    private sealed record News(string By, string Name);
}
