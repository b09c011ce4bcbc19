using MessagePack;

namespace Duplexity.Protocol;

/// <summary>A pipe that carries messages from one channel to others, run by the server as its owner, also while the owner is away.</summary>
[MessagePackObject]
public sealed record MessagePipe
{
    /// <summary>Its name among the owner's pipes: 1 to 64 of <c>a-z 0-9 - _</c>. Absent when set: the server draws one.</summary>
    [Key(0)]
    public string? Id { get; init; }

    /// <summary>The channel that it reads: a room, a feed, or the owner's own inbox. It cannot be changed.</summary>
    [Key(1)]
    public string? From { get; init; }

    /// <summary>1 to 20 addresses that it sends to.</summary>
    [Key(2)]
    public string[]? To { get; init; }

    /// <summary>Which messages it takes; absent: all.</summary>
    [Key(3)]
    public MessageFilter? Filter { get; init; }

    /// <summary>What it makes of them; absent: they come out byte for byte as they were.</summary>
    [Key(4)]
    public MessageTransform? Transform { get; init; }

    /// <summary>How fast it may be; what is over waits in the source's log. Absent: as the owner's allowance says.</summary>
    [Key(5)]
    public MessagePipeLimit? Limit { get; init; }

    /// <summary>When listed: <c>running</c>, <c>waiting</c> (for a rate, or for the engine) or <c>stopped</c> (its owner may not act now). Ignored when set.</summary>
    [Key(6)]
    public string? State { get; init; }

    /// <summary>When listed: the place in <see cref="From"/> up to which it has come. Ignored when set.</summary>
    [Key(7)]
    public Position? Place { get; init; }
}

/// <summary>Which messages a pipe takes: those that meet all of what is given. Compared byte for byte; there are no regular expressions.</summary>
[MessagePackObject]
public sealed record MessageFilter
{
    /// <summary>Patterns of first senders, such as <c>sensor-*</c>; one of them must match.</summary>
    [Key(0)]
    public string[]? Clients { get; init; }

    /// <summary>What the message's type must be.</summary>
    [Key(1)]
    public string? Type { get; init; }

    /// <summary>Headers that it must have, with these values.</summary>
    [Key(2)]
    public Dictionary<string, string>? Headers { get; init; }

    /// <summary>Fields that its body, a JSON object, must have, with these values; <c>a.b</c> is a field within a field, numbers and booleans are compared as they are written.</summary>
    [Key(3)]
    public Dictionary<string, string>? Fields { get; init; }
}

/// <summary>What a pipe makes of a message, in the order of these members. A body that is needed as a JSON object and is none makes a dead letter.</summary>
[MessagePackObject]
public sealed record MessageTransform
{
    /// <summary>The fields of the JSON body that stay.</summary>
    [Key(0)]
    public string[]? Select { get; init; }

    /// <summary>New names of fields, by the old ones.</summary>
    [Key(1)]
    public Dictionary<string, string>? Rename { get; init; }

    /// <summary>Headers that go.</summary>
    [Key(2)]
    public string[]? RemoveHeaders { get; init; }

    /// <summary>Headers that come, in the place of those of the same name.</summary>
    [Key(3)]
    public Dictionary<string, string>? SetHeaders { get; init; }

    /// <summary>The type.</summary>
    [Key(4)]
    public string? Type { get; init; }

    /// <summary>A text that becomes the body, at most 64 KB when filled in: <c>{field}</c> is a field of the JSON body (at most 32 fields), <c>{@from}</c>, <c>{@channel}</c>, <c>{@type}</c> and <c>{@id}</c> say where the message is from; <c>{{</c> is a brace. What is not there is empty.</summary>
    [Key(5)]
    public string? Text { get; init; }
}

/// <summary>How fast a pipe may be.</summary>
[MessagePackObject]
public sealed record MessagePipeLimit
{
    /// <summary>Messages in one window, 1 or more.</summary>
    [Key(0)]
    public int? Messages { get; init; }

    /// <summary>The window in milliseconds, up to a day; absent: 10,000.</summary>
    [Key(1)]
    public int? WindowMs { get; init; }
}

/// <summary>Which pipe brought a message, and how it came there.</summary>
[MessagePackObject]
public sealed record Via
{
    /// <summary>The pipe's owner: as whom the message was carried.</summary>
    [Key(0)]
    public string Client { get; init; } = "";

    /// <summary>The pipe's id among its owner's.</summary>
    [Key(1)]
    public string Pipe { get; init; } = "";

    /// <summary>The channel in which the pipe took it.</summary>
    [Key(2)]
    public string Channel { get; init; } = "";

    /// <summary>The id of the message that it took there.</summary>
    [Key(3)]
    public string Message { get; init; } = "";

    /// <summary>Through how many pipes it has come by now, 1 to 8.</summary>
    [Key(4)]
    public int Hops { get; init; }
}

/// <summary>Sets message pipes of the acting client, all or none: new ones begin at the top of their source, and those of an id that is there go on with what is new behind that place.</summary>
[MessagePackObject]
public sealed record SetMessagePipesRequest : Request
{
    /// <summary>The pipes; a client has at most 100.</summary>
    [Key(1)]
    public MessagePipe[]? Pipes { get; init; }
}

/// <summary>Lists the acting client's message pipes.</summary>
[MessagePackObject]
public sealed record ListMessagePipesRequest : Request;

/// <summary>Removes message pipes of the acting client; what they have not carried yet stays where it is.</summary>
[MessagePackObject]
public sealed record RemoveMessagePipesRequest : Request
{
    /// <summary>Their ids; the whole list is refused where one is not there.</summary>
    [Key(1)]
    public string[]? Ids { get; init; }
}

/// <summary>Answers SetMessagePipes (those that were set) and ListMessagePipes (all).</summary>
[MessagePackObject]
public sealed record MessagePipesResponse : Answer
{
    /// <summary>The pipes, by id.</summary>
    [Key(1)]
    public MessagePipe[]? Pipes { get; init; }
}
