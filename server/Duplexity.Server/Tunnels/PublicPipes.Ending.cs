using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Tunnels;

/// <summary>How registrations end: removed by their session, closed by somebody with the right to, or with the session.</summary>
internal sealed partial class PublicPipes
{
    /// <summary>How much of a reason the owner's session is told, in characters.</summary>
    private const int ReasonLength = 256;

    /// <summary>Removes pipes of the session (null: all of them). Visitors who are being served have a grace to finish.</summary>
    public Task RemoveAsync(Session session, IReadOnlyList<string>? names, CancellationToken ct) =>
        RemoveAsync(session, session.Generation, names?.Select(n => PipeNames.KeyOf(n) ?? n).ToArray(), ct);

    /// <summary>
    /// Closes a pipe of whichever sessions: its visitors are cut off, its sessions are told, and they do not get the name for a while. When it completes, no visitor is served any more.
    /// False: there is none of that name whose owner <paramref name="may"/> covers, and the caller tells nobody which.
    /// </summary>
    /// <param name="asked">The whole hostname, the label under the domain, <c>:PORT</c>, or <c>CLIENT/NAME</c>.</param>
    /// <param name="may">Whose pipes may be closed, by CID.</param>
    /// <param name="reason">What the session is told; null: a sentence of ours.</param>
    /// <param name="by">Who does it, for the log.</param>
    /// <param name="session">The session of whoever does it: its own pipes it may have again at once.</param>
    /// <param name="ct">Gives up.</param>
    public async Task<bool> CloseAsync(string asked, Func<string, bool> may, string? reason, string by, string? session, CancellationToken ct)
    {
        var name = KeyOf(asked);
        var told = string.IsNullOrWhiteSpace(reason) ? "its owner closed it from elsewhere, or an administrator did." : VisibleText.Of(reason, ReasonLength);
        var (removed, blocked) = (new List<PipeEntry>(), new List<PipeEntry>());
        await _turn.WaitAsync(ct);
        try
        {
            var there = await _backend.ReadAllAsync(name, ct);
            if (there.Count == 0 || !may(there[0].Client))
            {
                // Nobody serves it; it may keep requests all the same.
                return await _queues.CloseAsync(name, may);
            }

            foreach (var entry in there)
            {
                Log.PipeClosed(_logger, entry.Name, VisibleText.Of(entry.Client, VisibleText.LogLength), VisibleText.Of(entry.Session, VisibleText.LogLength), VisibleText.Of(by, VisibleText.LogLength));
                var isBlocked = entry.Client != by || entry.Session != session;
                if (isBlocked)
                {
                    _closed.Add(entry, told);
                }

                (isBlocked ? blocked : removed).AddRange(await RemoveUnsynchronizedAsync(entry.Client, entry.Session, entry.Generation, [entry.Name], cut: true, CancellationToken.None));
            }

            await _queues.CloseAsync(name, may);
        }
        finally
        {
            _turn.Release();
        }

        await Task.WhenAll(_news.ClosedAsync(removed, told, isBlocked: false), _news.ClosedAsync(blocked, told, isBlocked: true));
        return true;
    }

    /// <summary>The key of the pipe that somebody means: by its whole hostname, its label under the domain, or <c>:PORT</c>.</summary>
    public string KeyOf(string asked)
    {
        var name = asked.Trim();
        return name.StartsWith(':') || PrivateNames.IsPrivate(name) ? name : _names.ReadHost(name).Name ?? name;
    }

    private async Task LetGoAsync(Session session, long generation)
    {
        try
        {
            await RemoveAsync(session, generation, null, CancellationToken.None);
        }
        catch (Exception e)
        {
            // Nobody waits for this; the entries stay until their owner takes the names again.
            Log.PipesNotRemoved(_logger, e, VisibleText.Of(session.Client, VisibleText.LogLength), VisibleText.Of(session.Id, VisibleText.LogLength));
        }
    }

    /// <summary>The same, up to a generation.</summary>
    public async Task RemoveAsync(Session session, long generation, IReadOnlyList<string>? names, CancellationToken ct)
    {
        IReadOnlyList<PipeEntry> removed;
        await _turn.WaitAsync(ct);
        try
        {
            removed = await RemoveUnsynchronizedAsync(session, generation, names, ct);
        }
        finally
        {
            _turn.Release();
        }

        await _news.RemovedAsync(removed, session.IsCut);
    }

    private Task<IReadOnlyList<PipeEntry>> RemoveUnsynchronizedAsync(Session session, long generation, IReadOnlyList<string>? names, CancellationToken ct) =>
        RemoveUnsynchronizedAsync(session.Client, session.Id, generation, names, cut: session.IsCut, ct);

    private async Task<IReadOnlyList<PipeEntry>> RemoveUnsynchronizedAsync(string client, string session, long generation, IReadOnlyList<string>? names, bool cut, CancellationToken ct)
    {
        var removed = await _backend.RemoveAsync(client, session, generation, names, ct);
        foreach (var entry in removed)
        {
            _watches.Mark(entry, PipeChangeKind.Removed);
            _tallies.End(entry);
            Log.PipeRemoved(_logger, entry.Name, VisibleText.Of(entry.Client, VisibleText.LogLength), entry.Generation);
            _pools.End(entry, cut);
        }

        await _ports.CloseUnusedAsync(removed);
        return removed;
    }
}
