using MessagePack;

namespace Duplexity.Protocol;

/// <summary>The words of <see cref="QueuedRequest.State"/>.</summary>
public static class QueuedState
{
    /// <summary>It waits for its turn.</summary>
    public const string Waiting = "waiting";

    /// <summary>It was given up: tried as often as it may be and never answered below 500.</summary>
    public const string Dead = "dead";
}

/// <summary>A public pipe that keeps requests while its client is away.</summary>
[MessagePackObject]
public sealed record QueueInfo
{
    /// <summary>The hostname.</summary>
    [Key(0)]
    public string Name { get; init; } = "";

    /// <summary>How many requests wait.</summary>
    [Key(1)]
    public int Waiting { get; init; }

    /// <summary>The bytes that those take.</summary>
    [Key(2)]
    public long Bytes { get; init; }

    /// <summary>How many were given up and are still there.</summary>
    [Key(3)]
    public int Dead { get; init; }

    /// <summary>Whether further requests are kept; false: what waits is replayed, and then the queue is over.</summary>
    [Key(4)]
    public bool IsKeeping { get; init; }

    /// <summary>When the queue ends unless its pipe is served before, in milliseconds since 1970 UTC.</summary>
    [Key(5)]
    public long EndsAt { get; init; }
}

/// <summary>A request that is kept for a public pipe. Its headers and its body are told to nobody but the resource.</summary>
[MessagePackObject]
public sealed record QueuedRequest
{
    /// <summary>Its id, which its sender was told and the resource sees as <c>Duplexity-Replayed</c>.</summary>
    [Key(0)]
    public string Id { get; init; } = "";

    /// <summary><c>waiting</c> or <c>dead</c>.</summary>
    [Key(1)]
    public string State { get; init; } = QueuedState.Waiting;

    /// <summary>When it came, in milliseconds since 1970 UTC.</summary>
    [Key(2)]
    public long At { get; init; }

    /// <summary>Its method.</summary>
    [Key(3)]
    public string Method { get; init; } = "";

    /// <summary>Its path and query, at most 256 characters of it.</summary>
    [Key(4)]
    public string Target { get; init; } = "";

    /// <summary>The bytes of its body.</summary>
    [Key(5)]
    public long Bytes { get; init; }

    /// <summary>How often it was sent to the resource.</summary>
    [Key(6)]
    public int Attempts { get; init; }

    /// <summary>For one that was given up: the last status; absent: the connection ended, or there was no answer in time.</summary>
    [Key(7)]
    public int? Status { get; init; }

    /// <summary>When it is thrown away, in milliseconds since 1970 UTC.</summary>
    [Key(8)]
    public long EndsAt { get; init; }
}

/// <summary>Lists the acting client's queues.</summary>
[MessagePackObject]
public sealed record ListQueuesRequest : Request;

/// <summary>Answers ListQueues.</summary>
[MessagePackObject]
public sealed record ListQueuesResponse : Answer
{
    /// <summary>The queues, by name.</summary>
    [Key(1)]
    public QueueInfo[]? Queues { get; init; }
}

/// <summary>Asks for the requests that are kept for a pipe of the acting client: those that were given up, then those that wait, the oldest first.</summary>
[MessagePackObject]
public sealed record ReadQueueRequest : Request
{
    /// <summary>The hostname, or its label under the server's domain.</summary>
    [Key(1)]
    public string? Name { get; init; }

    /// <summary>Go on behind the request of this id; absent: from the first.</summary>
    [Key(2)]
    public string? After { get; init; }

    /// <summary>At most this many, 1 to 1,000; absent: 100.</summary>
    [Key(3)]
    public int? Limit { get; init; }
}

/// <summary>Answers ReadQueue.</summary>
[MessagePackObject]
public sealed record ReadQueueResponse : Answer
{
    /// <summary>The requests.</summary>
    [Key(1)]
    public QueuedRequest[]? Requests { get; init; }

    /// <summary>What to give as <c>after</c> to go on; absent at the end.</summary>
    [Key(2)]
    public string? Next { get; init; }
}

/// <summary>Puts a request of the acting client that was given up at the end of its queue, under its old id. Asked again, it is put there once.</summary>
[MessagePackObject]
public sealed record ReplayQueuedRequest : Request
{
    /// <summary>The request's id.</summary>
    [Key(1)]
    public string? Id { get; init; }
}

/// <summary>Throws away a request of the acting client, whether it waits or was given up.</summary>
[MessagePackObject]
public sealed record DiscardQueuedRequest : Request
{
    /// <summary>The request's id.</summary>
    [Key(1)]
    public string? Id { get; init; }
}

/// <summary>Ends a queue of the acting client, with all that it keeps.</summary>
[MessagePackObject]
public sealed record RemoveQueueRequest : Request
{
    /// <summary>The hostname, or its label under the server's domain.</summary>
    [Key(1)]
    public string? Name { get; init; }
}
