using System.Threading.Channels;
using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Pipes;

/// <summary>What waits for one service: bounded in number and bytes, oldest out first, sampled by channel and second, what was left out counted. Thread-safe.</summary>
internal sealed class ServiceQueue(IMessageService service, TimeProvider time, AnnouncementOptions options, Metrics metrics, ILogger logger)
{
    /// <summary>How often a failing service is logged at most.</summary>
    private static readonly TimeSpan LogInterval = TimeSpan.FromSeconds(10);

    private readonly HashSet<string> _channels = [.. service.Channels];
    private readonly Dictionary<string, (long Since, int Count)> _rates = [];
    private readonly Lock _lock = new();
    private readonly Queue<Announcement> _waiting = new();
    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private long _bytes;
    private long _leftOutBehind;
    private long _leftOutBefore;
    private long? _lastLog;

    public bool Hears(string channel) => _channels.Contains(channel);

    /// <summary>Puts an announcement into line, or counts it as left out.</summary>
    public void Post(Announcement announcement)
    {
        lock (_lock)
        {
            if (IsOverRate(announcement.Channel))
            {
                _leftOutBehind++;
                metrics.LeftOut("announcements");
                return;
            }

            var size = SizeOf(announcement);
            while (_waiting.Count > 0 && (_waiting.Count >= options.Queue || _bytes + size > options.QueueBytes))
            {
                _leftOutBefore += 1 + DequeueUnsynchronized().LeftOut;
                metrics.LeftOut("announcements");
            }

            _bytes += size;
            _waiting.Enqueue(_leftOutBehind == 0 ? announcement : announcement with { LeftOut = _leftOutBehind });
            _leftOutBehind = 0;
        }

        _signal.Writer.TryWrite(true);
    }

    public void Start() => _running = Task.Run(RunAsync);

    public async Task StopAsync(CancellationToken ct)
    {
        await _stop.CancelAsync();
        try
        {
            await _running.WaitAsync(ct);
        }
        catch (OperationCanceledException)
        {
            // A service that does not listen to its token is left behind with the process.
        }
    }

    private bool IsOverRate(string channel)
    {
        var rate = _rates.GetValueOrDefault(channel);
        if (rate.Count == 0 || time.GetElapsedTime(rate.Since) >= TimeSpan.FromSeconds(1))
        {
            rate = (time.GetTimestamp(), 0);
        }

        _rates[channel] = (rate.Since, rate.Count + 1);
        return rate.Count >= options.PerSecond;
    }

    private async Task RunAsync()
    {
        try
        {
            while (await _signal.Reader.WaitToReadAsync(_stop.Token))
            {
                _signal.Reader.TryRead(out _);
                while (Take() is { } announcement)
                {
                    await TellAsync(announcement);
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The node stops; what waits is live only.
        }
    }

    private Announcement? Take()
    {
        lock (_lock)
        {
            if (_waiting.Count == 0)
            {
                return null;
            }

            var announcement = DequeueUnsynchronized();
            var leftOut = _leftOutBefore + announcement.LeftOut;
            _leftOutBefore = 0;
            return leftOut == announcement.LeftOut ? announcement : announcement with { LeftOut = leftOut };
        }
    }

    private Announcement DequeueUnsynchronized()
    {
        var announcement = _waiting.Dequeue();
        _bytes -= SizeOf(announcement);
        return announcement;
    }

    /// <summary>What an announcement costs while it waits: what clients decide, and a flat sum for the rest.</summary>
    private static long SizeOf(Announcement announcement)
    {
        const int Flat = 512;
        const int BytesPerCharacter = 2;
        var (characters, bytes) = ((long)(announcement.Target?.Length ?? 0) + (announcement.Note?.Length ?? 0) + (announcement.Error?.Sentence.Length ?? 0), 0L);
        if (announcement.Message is { } message)
        {
            characters += (message.Text?.Length ?? 0) + (message.Headers?.Sum(h => (long)h.Key.Length + h.Value.Length) ?? 0);
            bytes = message.Bytes?.Length ?? 0;
        }

        return Flat + (BytesPerCharacter * characters) + bytes;
    }

    private async ValueTask TellAsync(Announcement announcement)
    {
        try
        {
            await service.OnAnnouncementAsync(announcement, _stop.Token);
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            if (_lastLog is null || time.GetElapsedTime(_lastLog.Value) >= LogInterval)
            {
                _lastLog = time.GetTimestamp();
                logger.ServiceFailed(service.GetType().Name, e);
            }
        }
    }
}
