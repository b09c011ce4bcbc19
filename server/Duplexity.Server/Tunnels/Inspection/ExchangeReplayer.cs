using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>Sends requests of exchanges again that this node keeps: the front's way whole, as a visit of the owner's that no gate is asked about (G15). Nobody waits for the answer; it is kept as any other's. Thread-safe.</summary>
internal sealed class ExchangeReplayer(ExchangeStore store, BackendRegistry backend, HttpFront front, IOptions<DuplexityOptions> options, TimeProvider time, ILogger<ExchangeReplayer> logger)
{
    /// <summary>Begins it. Who asks has the right to.</summary>
    public async Task<ReplayExchangeResponse> BeginAsync(IReadOnlyList<PipeEntry> entries, ReplayExchangeRequest request, string by, CancellationToken ct)
    {
        if (ExchangeChanges.Problem(request) is { } problem)
        {
            return new() { Error = problem };
        }

        PipeEntry[] there = entries.Count == 0 ? [] : [.. (await backend.ReadAllAsync(entries[0].Name, ct)).Where(now => entries.Any(e => e.IsOf(now)))];
        if (store.Read(there, request.Id ?? "") is not { Of: { } of, Exchange: { } kept })
        {
            return new() { Error = NotKept() };
        }

        var entry = Array.Find(there, now => now.IsOf(of))!;
        var (sent, omitted, wrong) = ExchangeChanges.Read(kept, request);
        if (sent is null)
        {
            return new() { Error = wrong };
        }

        var id = store.NewId();
        var most = options.Value.Limits.ReplaysPerPipe;
        var book = store.Open(entry);
        if (!store.TryBegin(book, id, most))
        {
            return new() { Error = DuplexityError.Of(Errors.RateLimited, $"{most} replays at this pipe are under way; wait for one.") with { Limit = "replays_per_pipe", Used = most, RetryAfterMs = 1000 } };
        }

        Log.Replaying(logger, VisibleText.Of(by, VisibleText.LogLength), kept.Exchange.Id, entry.Name, VisibleText.Of(entry.Client, VisibleText.LogLength));
        _ = RunAsync(sent, kept.Exchange, id, book, entry);
        return new() { Id = id, Omitted = omitted };
    }

    /// <summary>The answer for what is not kept here, or nobody's to know.</summary>
    public static DuplexityError NotKept() => DuplexityError.Of(Errors.UnknownDestination, "There is no such exchange; they go with their pipe, and the oldest make room for new ones.");

    /// <summary>Sends it to the registration that was checked, which by then may be over: its name is not asked whose it is, for it may be somebody else's (G7), or shared.</summary>
    private async Task RunAsync(ReplayedRequest request, KeptExchange kept, string id, ExchangeBook book, PipeEntry entry)
    {
        using var late = new CancellationTokenSource(options.Value.Times.Replay, time);
        var context = request.ToContext(new ExchangeReplay(kept.Id, id, kept.Client), kept.Visitor, late.Token);
        try
        {
            await Task.Yield();
            await front.ReplayAsync(context, entry);
        }
        catch (Exception e)
        {
            Log.ReplayFailed(logger, entry.Name, e);
        }

        if (context.Features.Get<ExchangeRecorder>()?.Book != book)
        {
            // The pipe went meanwhile, or is inspected no longer: nothing comes of it that is kept here.
            store.Miss(book, id);
        }
    }
}
