using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <summary>Says at the egress which copies leave for which socket, and which a gate withholds, if anybody wants to know. Thread-safe.</summary>
internal sealed class Departures(Announcer announcer, MessageTraces traces, TimeProvider time)
{
    /// <summary>A copy leaves.</summary>
    public void Delivered(LogEntry entry, string client, string socketId) => Say(AnnouncedAction.Delivered, entry, client, socketId);

    /// <summary>A gate withholds one.</summary>
    public void Withheld(LogEntry entry, string client, string socketId) => Say(AnnouncedAction.Refused, entry, client, socketId);

    private void Say(string action, LogEntry entry, string client, string socketId)
    {
        var trace = traces.Find(entry.Message.Id);
        if (announcer.IsWanted(Step.Egress, trace))
        {
            announcer.Announce(Step.Egress, trace, new Announcement
            {
                Channel = ServiceChannel.Egress,
                Action = action,
                Owner = entry.Message.FromClient,
                At = time.GetUtcNow(),
                MessageId = entry.Message.Id,
                Target = $"{entry.Channel} → client:{client} socket:{socketId}",
            });
        }
    }
}
