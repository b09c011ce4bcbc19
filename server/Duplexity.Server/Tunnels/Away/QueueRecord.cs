using System.Text.Json.Serialization;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>
/// That a name keeps requests for its owner, as it is written down under the name. What is kept hangs on the id, which is drawn for an owner and never given again: so it belongs to the owner and
/// not to the name (G7). Immutable.
/// </summary>
internal sealed record QueueRecord
{
    /// <summary>Tells the queue from every other one that the name has had or will have.</summary>
    public required string Id { get; init; }

    /// <summary>The pipe as it was registered last, with no session and no node: what stands for it while nobody serves it.</summary>
    public required PipeEntry Pipe { get; init; }

    /// <summary>When it is over, unless the pipe is served before.</summary>
    public required DateTimeOffset Until { get; init; }

    /// <summary>From when on requests are kept: before that, they are for a former owner of the name (G7).</summary>
    public DateTimeOffset From { get; init; }

    /// <summary>The record as it is written down, which whoever changes it compares; empty until then.</summary>
    [JsonIgnore]
    public string Written { get; init; } = "";

    [JsonIgnore]
    public string Owner => Pipe.Client;

    /// <summary>Whether further requests are kept; false: what waits is replayed, and then it is over.</summary>
    [JsonIgnore]
    public bool IsKeeping => Keeps(Pipe);

    /// <summary>Where the requests are.</summary>
    [JsonIgnore]
    public Address Channel => Address.Service(DefaultRetention.QueuePrefix + Id);

    /// <summary>Whether a registration asks that requests are kept.</summary>
    public static bool Keeps(PipeEntry pipe) => pipe.Settings.Offline == "queue";
}

/// <summary>How far a queue has come. Immutable.</summary>
internal sealed record QueueState
{
    /// <summary>Everything up to here is settled.</summary>
    public Position Place { get; init; } = Position.Start;

    /// <summary>When the last one of those came: what tells settled requests from others where the log does not know the place any more.</summary>
    public DateTimeOffset SettledAt { get; init; }

    /// <summary>How often the next one was sent, the try that may be under way included.</summary>
    public int Attempts { get; init; }

    /// <summary>When it is sent again; null: at once.</summary>
    public DateTimeOffset? Due { get; init; }

    /// <summary>Ids of waiting ones that were thrown away.</summary>
    public IReadOnlyList<string> Discarded { get; init; } = [];

    /// <summary>Those that were given up, the oldest first.</summary>
    public IReadOnlyList<DeadRequest> Dead { get; init; } = [];

    /// <summary>When an entry that lies next is settled: it may be an earlier one of before the log lost its place.</summary>
    public bool HasSettled(LogEntry entry) => entry.Message.SentAt <= SettledAt;
}

/// <summary>One that was given up.</summary>
/// <param name="Id">The request's id.</param>
/// <param name="Before">The place before its own in the log.</param>
/// <param name="Attempts">How often it was sent.</param>
/// <param name="Status">The last status; null: there was no whole answer.</param>
internal sealed record DeadRequest(string Id, Position Before, int Attempts, int? Status);
