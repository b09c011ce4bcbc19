using System.Threading.Channels;
using Duplexity.Server.Backend;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>
/// Records the exchanges of pipes whose registration asks for it, and keeps them once they are over: one task of its own takes the secrets out of them, for no visitor waits for that. Where it does not keep up, the newest are left out and counted. Thread-safe.
/// </summary>
internal sealed class Inspector(
    ExchangeStore store, ExchangeRoom room, PeerAddresses peers, BackendRegistry backend, Metrics metrics, IOptions<DuplexityOptions> options, TimeProvider time, ILogger<Inspector> logger) : BackgroundService
{
    /// <summary>Exchanges that have ended and are not kept yet: what a busy node has between two batches, many times.</summary>
    private const int MostWaiting = 4096;

    /// <summary>Between batches: to wake for each exchange costs more than to keep it.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(25);

    /// <summary>How soon a registration whose end this node has not heard of is forgotten. It cannot be read before either: who asks names the present one.</summary>
    private static readonly TimeSpan CheckEvery = TimeSpan.FromSeconds(30);

    private readonly Channel<(ExchangeRecorder Recorder, ExchangeLine Line)> _ended = Channel.CreateBounded<(ExchangeRecorder, ExchangeLine)>(
        new BoundedChannelOptions(MostWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    /// <summary>A visitor's request at a pipe begins; null where nobody inspects it.</summary>
    public ExchangeRecorder? Begin(HttpContext context, PipeEntry entry, long began) => entry.Settings.Inspect == true
        ? new ExchangeRecorder(context, entry, store.Open(entry), (context.Features.Get<Replay>() as ExchangeReplay)?.NewId ?? store.NewId(), room, options.Value.Limits.InspectorBodyBytes, began, time)
        : null;

    /// <summary>It is over.</summary>
    public void End(ExchangeRecorder recorder, HttpContext context, DateTimeOffset at, string target, int status)
    {
        recorder.End(context);
        var replayed = context.Features.Get<Replay>() as ExchangeReplay;
        recorder.Client ??= replayed?.Client;
        var line = new ExchangeLine(at, context.Request.Method, target, status, peers.Of(context).ToString(), replayed?.Id);
        if (!_ended.Writer.TryWrite((recorder, line)))
        {
            store.Miss(recorder.Book, recorder.Id);
            room.Give(recorder.Taken);
            metrics.LeftOut("inspector");
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var checking = CheckAsync(stoppingToken);
        try
        {
            while (await _ended.Reader.WaitToReadAsync(stoppingToken))
            {
                while (_ended.Reader.TryRead(out var ended))
                {
                    Keep(ended.Recorder, ended.Line);
                }

                await Task.Delay(Rest, time, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The node stops, and nothing of this outlives it.
        }

        await checking;
    }

    private void Keep(ExchangeRecorder recorder, ExchangeLine line)
    {
        try
        {
            var (exchange, bytes) = ExchangeEncoding.Encode(recorder, line, options.Value.Limits.InspectorBodyBytes);
            store.Add(recorder.Book, exchange, bytes);
        }
        catch (Exception e)
        {
            // What a visitor can bring about ends here, not the task.
            store.Miss(recorder.Book, recorder.Id);
            Log.ExchangeNotKept(logger, recorder.Entry.Name, e);
        }
        finally
        {
            room.Give(recorder.Taken);
        }
    }

    private async Task CheckAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            await Task.Delay(CheckEvery, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                foreach (var entry in store.Entries)
                {
                    if (!(await backend.LocateAllAsync(entry.Name, ct)).Any(now => now.IsOf(entry)))
                    {
                        store.End(entry);
                    }
                }
            }
            catch (Exception e)
            {
                if (!ct.IsCancellationRequested)
                {
                    Log.InspectedNotChecked(logger, e);
                }
            }
        }
    }
}
