namespace Duplexity.Cli.Output;

/// <summary>Who comes and goes, as lines.</summary>
internal static class PresenceLine
{
    /// <summary>For people: clients only, who leaves first, so that one that came back by another name is not two.</summary>
    public static IEnumerable<string> Of(PresenceChange change) =>
        change.Gone.Select(client => $"- {client}{Why(change, client)}").Concat(change.Arrived.Select(client => $"+ {client}"));

    /// <summary>For scripts: sockets as well, and who is there after it.</summary>
    public static object Json(Address channel, PresenceChange change, bool isCount) => isCount
        ? new { Channel = channel.ToString(), change.Now.Version, change.Now.Members.Count }
        : new { Channel = channel.ToString(), change.Now.Version, change.Now.Members.Count, change.Arrived, change.Gone, change.Joined, change.Left, Asked = change.IsAsked };

    private static string Why(PresenceChange change, string client) => change.Left.LastOrDefault(d => d.Client == client)?.Reason is { } reason ? $" ({reason})" : "";
}
