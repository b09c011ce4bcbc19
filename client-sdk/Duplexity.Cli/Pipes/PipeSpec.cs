using System.Globalization;
using System.Text.RegularExpressions;

namespace Duplexity.Cli.Pipes;

/// <summary>
/// One <c>[NAME=]RESOURCE</c> of <c>up</c>, in canonical form.
/// </summary>
/// <param name="Name">A label, a hostname, <c>:PORT</c>, or <c>:</c> for any free port; null: the server makes a name up.</param>
/// <param name="Resource">What is served: <c>http://HOST:PORT</c>, <c>https://…</c>, <c>h2c://…</c>, <c>h2://…</c>, <c>tls://…</c>, <c>tcp://…</c>, <c>unix:PATH</c> or <c>folder:PATH</c>.</param>
/// <param name="HostHeader"><c>keep</c>, <c>resource</c> or a name; null: keep.</param>
/// <param name="Visitors">Who may visit; null: as the server says.</param>
internal sealed partial record PipeSpec(string? Name, string Resource, string? HostHeader = null, IReadOnlyList<string>? Visitors = null)
{
    /// <summary>What a folder's resource begins with; its path follows, relative to where the command was given.</summary>
    public const string Folder = "folder:";

    private const string Shapes = "write 3000, localhost:3000, https://localhost:8443, h2c://localhost:5000, tcp://localhost:22, unix:/run/app.sock, ./folder or room:orders";

    /// <summary>For <c>NAME/PATH=RESOURCE</c>, the path.</summary>
    public string? Path { get; init; }

    /// <summary>What the pipe does with its traffic; null: nothing of its own.</summary>
    public PipeTraffic? Traffic { get; init; }

    /// <summary>Whether the server keeps its last exchanges.</summary>
    public bool Inspect { get; init; } = true;

    // What passes unread has no exchanges.
    private bool HasExchanges => !Private && !Resource.StartsWith("tcp://", StringComparison.Ordinal) && !Resource.StartsWith("tls://", StringComparison.Ordinal);

    /// <summary>Whether other programs of the same client may serve the name as well.</summary>
    public bool Share { get; init; }

    /// <summary>Whether a visitor stays with the program that served it first.</summary>
    public bool Sticky { get; init; }

    /// <summary>The path by which nodes ask whether the resource is well; null: they do not.</summary>
    public string? Health { get; init; }

    /// <summary>Whether it is reached by <c>dial</c> only.</summary>
    public bool Private { get; init; }

    /// <summary>What becomes of requests while this program is away.</summary>
    public PipeOffline Offline { get; init; }

    /// <summary>For a channel: how long an answer is waited for; null: it is not.</summary>
    public TimeSpan? Reply { get; init; }

    /// <summary>Reads <c>[NAME=]RESOURCE</c>.</summary>
    /// <exception cref="UsageException">It is not one; the sentence says what to write.</exception>
    public static PipeSpec Parse(string text, bool isPrivate = false)
    {
        // A "=" inside a URL's query or a file's name is not ours: what stands before ours is a name, perhaps with a path, and neither has a colon or begins like a folder.
        var equals = text.IndexOf('=');
        var slash = text.IndexOf('/');
        if (equals < 0 || (slash >= 0 && slash < equals && (text[..slash].Contains(':') || text[0] is '/' or '.' or '~')))
        {
            return Of(null, text, isPrivate);
        }

        if (slash < 0 || slash > equals)
        {
            return Of(text[..equals], text[(equals + 1)..], isPrivate);
        }

        return isPrivate
            ? throw new UsageException($"\"{text[..equals]}\" has a path, and a private pipe carries bytes that nobody reads; write a word such as db.")
            : Of(text[..slash], text[(equals + 1)..]) with { Path = PathOf(text[slash..equals]) };
    }

    /// <summary>The same from its two parts; <paramref name="name"/> null: none was given.</summary>
    public static PipeSpec Of(string? name, string resource, bool isPrivate = false)
    {
        if (isPrivate)
        {
            return name is null || PrivateShape().IsMatch(name)
                ? new PipeSpec(name, Canonical(resource, bare: "tcp")) { Private = true }
                : throw new UsageException($"\"{name}\" cannot be a private pipe's name; write a word such as db.");
        }

        if (name is not null && !NameShape().IsMatch(name))
        {
            throw new UsageException($"\"{name}\" cannot be a pipe's name; write cat1, cat1.example.org or :7001.");
        }

        var port = name is [':', ..];
        if (port && name!.Length > 1)
        {
            ReadPort(name[1..]);
        }

        var canonical = Canonical(resource, bare: port ? "tcp" : "http");
        var tcp = canonical.StartsWith("tcp://", StringComparison.Ordinal);
        return (tcp, port, name) switch
        {
            (true, false, not null) => throw new UsageException($"\"{resource}\" is a TCP resource and has no hostname; name a port, such as :7001={resource}."),
            (false, true, _) => throw new UsageException($"A port serves TCP; write {name}=tcp://HOST:PORT."),
            (true, false, null) => new PipeSpec(":", canonical),
            _ => new PipeSpec(name, canonical),
        };
    }

    /// <summary>Checks the path of a route.</summary>
    public static string PathOf(string path) => PathShape().IsMatch(path)
        ? path
        : throw new UsageException($"\"{path}\" cannot be the path of a route; write one like /api, with a slash before each part and none at the end.");

    /// <summary>The canonical form of a resource that is served over HTTP.</summary>
    public static string ResourceOf(string text) => Canonical(text, bare: "http");

    /// <summary>Checks a Host header as given on the command line or in the file.</summary>
    public static string HostHeaderOf(string value) => HostShape().IsMatch(value)
        ? value
        : throw new UsageException($"\"{value}\" cannot be a Host header; write keep, resource or a name such as app.example.org.");

    /// <summary>Reads how long an answer is waited for: <c>10s</c>, <c>500ms</c>, <c>1m</c>.</summary>
    public static TimeSpan ReplyOf(string text)
    {
        var unit = text.TrimStart([.. "0123456789"]);
        return int.TryParse(text[..^unit.Length], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? unit switch { "ms" => TimeSpan.FromMilliseconds(number), "s" => TimeSpan.FromSeconds(number), "m" => TimeSpan.FromMinutes(number), _ => throw Wrong() }
            : throw Wrong();

        UsageException Wrong() => new($"\"{text}\" is not a time; write 10s, 500ms or 1m.");
    }

    /// <summary>Reads what becomes of requests while this program is away.</summary>
    public static PipeOffline OfflineOf(string word) => word switch
    {
        "refuse" => PipeOffline.Refuse,
        "queue" => PipeOffline.Queue,
        _ => throw new UsageException($"\"{word}\" is not what offline can be; write queue or refuse."),
    };

    /// <summary>What the SDK is asked for; a password that is made up is told.</summary>
    public PipeOptions ToOptions(Action<string, string> tellPassword) => (Traffic ?? new()).ApplyTo(new()
    {
        HostHeader = HostHeader,
        Exchanges = true,
        Inspect = Inspect && HasExchanges,
        Visitors = VisitorWords.Complete(Visitors, tellPassword),
        Share = Share,
        Sticky = Sticky,
        Health = Health,
        Private = Private,
        Offline = Offline,
        Reply = Reply,
    });

    private static string Canonical(string text, string bare)
    {
        if (text.Length == 0)
        {
            throw new UsageException($"A pipe needs a resource; {Shapes}.");
        }

        if (text.All(char.IsAsciiDigit))
        {
            return string.Create(CultureInfo.InvariantCulture, $"{bare}://localhost:{ReadPort(text)}");
        }

        if (text.StartsWith("unix:", StringComparison.Ordinal))
        {
            return text["unix:".Length..].StartsWith('/') ? text : throw new UsageException($"\"{text}\" has no absolute path; write unix:/run/app.sock.");
        }

        if (text[0] is '.' or '/' || text.StartsWith(Folder, StringComparison.Ordinal))
        {
            return text.StartsWith(Folder, StringComparison.Ordinal) ? text : Folder + text;
        }

        if (RoomShape().IsMatch(text))
        {
            return Address.TryRead(text, out var channel, out var problem) && channel.Kind != AddressKind.Socket ? channel.ToString() : throw new UsageException(problem ?? $"\"{text}\" is gone with its connection; write room:, client:, feed: or lockspace: and a name.");
        }

        return WithScheme(text, text.Contains("://", StringComparison.Ordinal) ? text : $"{bare}://{text}");
    }

    private static string WithScheme(string typed, string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Host.Length == 0 || uri.Scheme is not ("http" or "https" or "h2c" or "h2" or "tls" or "tcp"))
        {
            throw new UsageException($"\"{typed}\" is not a resource; {Shapes}.");
        }

        if (uri.AbsolutePath is not ("" or "/") || uri.Query.Length > 0 || uri.Fragment.Length > 0 || uri.UserInfo.Length > 0)
        {
            throw new UsageException($"\"{typed}\" has more than scheme, host and port; a pipe serves a whole host, so leave the rest out.");
        }

        // A bare "localhost" would silently mean port 80, which nobody who forgot the port meant.
        if (uri.Port <= 0 || (!typed.Contains("://", StringComparison.Ordinal) && !PortShape().IsMatch(typed)))
        {
            throw new UsageException($"\"{typed}\" names no port; {Shapes}.");
        }

        return string.Create(CultureInfo.InvariantCulture, $"{uri.Scheme}://{uri.Host}:{uri.Port}");
    }

    private static int ReadPort(string digits) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is >= 1 and <= 65535
            ? port
            : throw new UsageException($"\"{digits}\" is not a port; ports are 1 to 65535.");

    [GeneratedRegex(@"^(:[0-9]*|[\p{L}\p{M}\p{N}*]([\p{L}\p{M}\p{N}._*-]*))\z")]
    private static partial Regex NameShape();

    [GeneratedRegex(@"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\z")]
    private static partial Regex PrivateShape();

    [GeneratedRegex(@"^(/[A-Za-z0-9._~-]+)+\z")]
    private static partial Regex PathShape();

    [GeneratedRegex(@"^[!-~]{1,255}\z")]
    private static partial Regex HostShape();

    [GeneratedRegex(@"^(room|client|feed|socket|lockspace):(?![0-9]+\z)", RegexOptions.IgnoreCase)]
    private static partial Regex RoomShape();

    [GeneratedRegex(@":[0-9]{1,5}\z")]
    private static partial Regex PortShape();
}
