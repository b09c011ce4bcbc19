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
    /// Closes a pipe of whichever session: its visitors are cut off, its session is told, and that session does not get the name for a while. When it completes, no visitor is served any more.
    /// False: there is none of that name whose owner <paramref name="may"/> covers, and the caller tells nobody which.
    /// </summary>
    /// <param name="asked">The whole hostname, the label under the domain, or <c>:PORT</c>.</param>
    /// <param name="may">Whose pipes may be closed, by CID.</param>
    /// <param name="reason">What the session is told; null: a sentence of ours.</param>
    /// <param name="by">Who does it, for the log.</param>
    /// <param name="session">The session of whoever does it: its own pipes it may have again at once.</param>
    /// <param name="ct">Gives up.</param>
    public async Task<bool> CloseAsync(string asked, Func<string, bool> may, string? reason, string by, string? session, CancellationToken ct)
    {
        var name = asked.StartsWith(':') ? asked : _names.ReadHost(asked.Trim()).Name ?? asked;
        var told = string.IsNullOrWhiteSpace(reason) ? "its owner closed it from elsewhere, or an administrator did." : VisibleText.Of(reason, ReasonLength);
        IReadOnlyList<PipeEntry> removed;
        bool isBlocked;
        await _turn.WaitAsync(ct);
        try
        {
            if (await _backend.ReadAsync(name, ct) is not { } entry || !may(entry.Client))
            {
                // Nobody serves it; it may keep requests all the same.
                return await _queues.CloseAsync(name, may);
            }

            Log.PipeClosed(_logger, entry.Name, VisibleText.Of(entry.Client, VisibleText.LogLength), VisibleText.Of(entry.Session, VisibleText.LogLength), VisibleText.Of(by, VisibleText.LogLength));
            isBlocked = entry.Client != by || entry.Session != session;
            if (isBlocked)
            {
                _closed.Add(entry, told);
            }

            removed = await RemoveUnsynchronizedAsync(entry.Client, entry.Session, entry.Generation, [entry.Name], cut: true, CancellationToken.None);
            await _queues.CloseAsync(name, may);
        }
        finally
        {
            _turn.Release();
        }

        await _news.ClosedAsync(removed, told, isBlocked);
        return true;
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
