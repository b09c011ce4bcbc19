using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Pipes;

/// <summary>
/// Brings to services what the steps announce. Asking whether anybody hears a channel is one look; where nobody does and the message is not traced, nothing is made. It never throws and never waits.
/// Thread-safe.
/// </summary>
internal sealed class Announcer(IServiceProvider provider, TimeProvider time, DuplexityOptions options, Metrics metrics, ILogger<Announcer> logger) : IHostedService
{
    private ServiceQueue[] _queues = [];
    private ServiceQueue[][] _heard = [.. ServiceChannel.All.Select(_ => Array.Empty<ServiceQueue>())];

    /// <summary>Whether a step's announcement is to be made: somebody hears its channel, or the message is traced.</summary>
    public bool IsWanted(Step step, MessageTrace? trace) => trace is not null || _heard[(int)step].Length > 0;

    /// <summary>Whether somebody hears of sockets.</summary>
    public bool HearsSockets => _heard[^1].Length > 0;

    /// <summary>Announces what a step did with a message, if anybody wants to know.</summary>
    public void Say(Step step, string action, Transit transit, string? target = null, DuplexityError? error = null)
    {
        if (IsWanted(step, transit.Trace))
        {
            var message = step == Step.Service ? transit.View() : null;
            Announce(step, transit.Trace, Of(step, action, transit.Sender, target) with { MessageId = transit.MessageId, Gate = error?.Gate, Error = error, Message = message });
        }
    }

    /// <summary>Announces what became of a send before it was a message of its own.</summary>
    public void SayRefused(Sender sender, DuplexityError error)
    {
        if (IsWanted(Step.Ingress, null))
        {
            Announce(Step.Ingress, null, Of(Step.Ingress, AnnouncedAction.Entered, sender, null));
            Announce(Step.Ingress, null, Of(Step.Ingress, AnnouncedAction.Refused, sender, null) with { Gate = error.Gate, Error = error });
        }
    }

    /// <summary>Announces something about a message.</summary>
    public void Announce(Step step, MessageTrace? trace, Announcement announcement)
    {
        trace?.Add(announcement);
        Post(_heard[(int)step], announcement);
    }

    /// <summary>Announces something about a socket.</summary>
    public void AnnounceSocket(Announcement announcement) => Post(_heard[^1], announcement);

    public Task StartAsync(CancellationToken cancellationToken)
    {
        // Not before: a service may want what it listens to, IDuplexity.
        _queues = [.. provider.GetServices<IMessageService>().Select(s => new ServiceQueue(s, time, options.Announcements, metrics, logger))];
        _heard = [.. ServiceChannel.All.Select(c => Array.FindAll(_queues, q => q.Hears(c)))];
        foreach (var queue in _queues)
        {
            queue.Start();
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.WhenAll(_queues.Select(q => q.StopAsync(cancellationToken)));

    private Announcement Of(Step step, string action, Sender sender, string? target) => new()
    {
        Channel = ServiceChannel.Of(step),
        Action = action,
        Owner = sender.Client,
        At = time.GetUtcNow(),
        Target = target ?? (action == AnnouncedAction.Entered && step == Step.Ingress && sender.SocketId is { } socket ? $"socket:{socket}" : $"client:{sender.Client}"),
    };

    private static void Post(ServiceQueue[] queues, Announcement announcement)
    {
        foreach (var queue in queues)
        {
            queue.Post(announcement);
        }
    }
}
