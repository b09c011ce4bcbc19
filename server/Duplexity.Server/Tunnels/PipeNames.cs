using System.Globalization;
using System.Security.Cryptography;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary>Turns the name that a client asks for into a pipe's key: a whole hostname in lower case and ASCII, perhaps with <c>*</c> as its first label, or <c>:PORT</c>.</summary>
internal sealed class PipeNames(PipeUrl url, IOptions<DuplexityOptions> options)
{
    /// <summary>Stands for any free port until one is bound.</summary>
    public const string AnyPort = ":";

    // A person who sees one of these before our domain takes it for the service, not for somebody's laptop.
    private static readonly HashSet<string> Reserved = new(StringComparer.Ordinal)
    {
        "www", "auth", "login", "signin", "account", "control", "data", "api", "console", "admin", "register", "locate", "remove", "health", "metrics", "status",
        "mail", "smtp", "imap", "ftp", "ns", "ns1", "ns2", "mx", "autoconfig", "autodiscover", "wpad", "isatap", "localhost", "duplexity", "service", "internal",
    };

    private static readonly string[] Adjectives =
    [
        "able", "amber", "brave", "bright", "brisk", "calm", "clear", "clever", "cosy", "crisp", "dapper", "eager", "early", "fair", "fleet", "fond", "fresh", "gentle",
        "glad", "golden", "grand", "happy", "hardy", "keen", "kind", "lively", "lucky", "merry", "mild", "neat", "nimble", "noble", "plucky", "proud", "quick", "quiet",
        "rapid", "ready", "rosy", "sharp", "smart", "snug", "solid", "spry", "steady", "sunny", "swift", "tidy", "trusty", "warm", "wise", "witty",
    ];

    private static readonly string[] Animals =
    [
        "badger", "bear", "beaver", "bison", "cat", "crane", "crow", "deer", "dolphin", "dove", "eagle", "egret", "elk", "falcon", "ferret", "finch", "fox", "gecko",
        "goat", "goose", "hare", "hawk", "hedgehog", "heron", "horse", "ibis", "jay", "koala", "lark", "lemur", "lion", "lynx", "marten", "mole", "moose", "newt", "otter",
        "owl", "panda", "pelican", "pony", "puffin", "quail", "rabbit", "raven", "robin", "seal", "shrew", "sparrow", "stork", "swan", "tiger", "toad", "trout", "wren", "yak",
    ];

    private static readonly IdnMapping Idn = new() { UseStd3AsciiRules = true };

    // Who had one of these would be sent the tokens of everybody else.
    private readonly string[] _service = [.. new[] { options.Value.Url, options.Value.Node.Url }.OfType<Uri>().Select(own => own.IdnHost.ToLowerInvariant())];

    /// <summary>The first and last port that pipes may have; null: TCP pipes are off.</summary>
    public (int First, int Last)? Ports { get; } = ReadPorts(options.Value.Pipes.Ports);

    /// <summary>The key of a registration, or why it has none. What is absent gets a name that can be said over a telephone.</summary>
    public (string? Name, DuplexityError? Error) Read(PipeRegistration pipe)
    {
        var (name, error) = string.IsNullOrWhiteSpace(pipe.Name) ? (MadeUp(), null) : pipe.Name.StartsWith(':') ? ReadPort(pipe.Name) : ReadHost(pipe.Name.Trim());
        error ??= CheckResource(pipe.Resource, isPort: PipePorts.IsPort(name!)) ?? CheckHostHeader(pipe.HostHeader) ?? CheckTls(pipe.Resource);
        return error is null ? (name, null) : (null, error);
    }

    /// <summary>A host as a visitor wrote it, in the form of keys; null where it can be no pipe's.</summary>
    public static string? KeyOf(string host)
    {
        if (NameTree.IsWildcard(host))
        {
            return KeyOf(NameTree.RootOf(host)) is { } root && !NameTree.IsWildcard(root) ? NameTree.WildcardOf(root) : null;
        }

        var name = host.EndsWith('.') ? host[..^1] : host;
        if (name.Length is 0 or > 253 || name.Contains(PrivateNames.Separator))
        {
            return null;
        }

        foreach (var c in name)
        {
            if (!char.IsAscii(c))
            {
                return ToAscii(name);
            }
        }

        return name.ToLowerInvariant();
    }

    /// <summary><c>brave-otter-42</c> under the domain.</summary>
    public string MadeUp() => string.Create(CultureInfo.InvariantCulture, $"{Pick(Adjectives)}-{Pick(Animals)}-{RandomNumberGenerator.GetInt32(10, 100)}.{url.Domain}");

    /// <summary>The key of a hostname that is asked for, or why it has none: a label under the domain or a whole name, with <c>*.</c> before it for all below; <c>*</c> alone stands for all names under the domain.</summary>
    public (string? Name, DuplexityError? Error) ReadHost(string asked)
    {
        var isWildcard = asked == "*" || NameTree.IsWildcard(asked);
        var root = asked == "*" ? url.Domain : KeyOf(NameTree.RootOf(asked));
        if (root is null)
        {
            return Wrong(asked, "is not a hostname");
        }

        root = root.Contains('.') || (isWildcard && root == url.Domain) ? root : $"{root}.{url.Domain}";
        var (name, labels) = (isWildcard ? NameTree.WildcardOf(root) : root, root.Split('.'));
        if (!Array.TrueForAll(labels, IsLabel) || name.Length > 253)
        {
            return Wrong(asked, "is not a hostname: a label has 1 to 63 letters, digits and hyphens, and no hyphen at either end");
        }

        if (labels.Length + (isWildcard ? 1 : 0) > NameTree.MostLabels)
        {
            return Wrong(asked, $"has more than {NameTree.MostLabels} labels");
        }

        if (isWildcard && root == url.Domain)
        {
            return (name, null);
        }

        // Also what is above: its owner would have what the service itself is called.
        var isService = _service.Any(s => s == root || (s != url.Domain && s.EndsWith($".{root}", StringComparison.Ordinal)));
        if (isService || root == url.Domain || url.Domain.EndsWith($".{root}", StringComparison.Ordinal) || (url.LabelOf(root) is { } label && Reserved.Contains(label)))
        {
            return Wrong(asked, "is reserved for the service itself");
        }

        return url.Covers(root) || labels[^1].Any(char.IsAsciiLetter) ? (name, null) : Wrong(asked, "is not a hostname");
    }

    private (string?, DuplexityError?) ReadPort(string asked)
    {
        if (Ports is not var (first, last))
        {
            return Wrong(asked, "asks for a TCP port, and this server has none (Duplexity:Pipes:Ports)");
        }

        if (asked == AnyPort)
        {
            return (AnyPort, null);
        }

        return int.TryParse(asked[1..], NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port >= first && port <= last
            ? (string.Create(CultureInfo.InvariantCulture, $":{port}"), null)
            : Wrong(asked, $"is not one of this server's TCP ports, which go from {first} to {last}");
    }

    private static DuplexityError? CheckResource(string? resource, bool isPort)
    {
        var shown = VisibleText.Of(resource, 128);
        if (ResourceText.ReadChannel(resource) is not null)
        {
            return isPort ? DuplexityError.Of(Errors.InvalidPipe, $"A TCP port serves tcp://…, not '{shown}'.") : null;
        }

        if (ResourceText.Read(resource) is not var (scheme, _))
        {
            return DuplexityError.Of(Errors.InvalidPipe, $"'{shown}' is not a resource: it begins with http://, https://, h2c://, h2://, tls://, tcp:// or unix:, or is a channel such as room:orders.");
        }

        return isPort == (scheme == "tcp")
            ? null
            : DuplexityError.Of(Errors.InvalidPipe, isPort ? $"A TCP port serves tcp://…, not '{shown}'." : $"A hostname serves http://, https://, h2c://, h2://, tls:// or unix:, not '{shown}': for TCP ask for a port, such as ':'.");
    }

    private DuplexityError? CheckTls(string? resource) => options.Value.Pipes.TlsPort is not null || !ResourceText.IsTls(resource!)
        ? null
        : DuplexityError.Of(Errors.InvalidPipe, "This server has no port for TLS that ends at the resource (Duplexity:Pipes:TlsPort); it serves https:// resources at its own address.");

    /// <summary>What is wrong with a Host header that a pipe asks for; null: nothing.</summary>
    public static DuplexityError? CheckHostHeader(string? value) =>
        value is null or "keep" or "resource" || (value.Length <= 255 && Uri.TryCreate($"http://{value}/", UriKind.Absolute, out var uri) && uri.UserInfo.Length == 0 && uri.AbsolutePath == "/"
            && uri.Authority.Equals(value, StringComparison.OrdinalIgnoreCase))
            ? null
            : DuplexityError.Of(Errors.InvalidPipe, $"'{VisibleText.Of(value, 128)}' is no Host header: say keep, resource, or a host with an optional port.");

    private static (string?, DuplexityError?) Wrong(string asked, string why) =>
        (null, DuplexityError.Of(Errors.InvalidPipe, $"'{VisibleText.Of(asked, 128)}' {why}."));

    public static bool IsLabel(string label) =>
        label.Length is > 0 and <= 63 && label[0] != '-' && label[^1] != '-' && label.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');

    private static string? ToAscii(string name)
    {
        try
        {
            return Idn.GetAscii(name).ToLowerInvariant();
        }
        catch (ArgumentException)
        {
            return null; // no hostname at all
        }
    }

    private static string Pick(string[] words) => words[RandomNumberGenerator.GetInt32(words.Length)];

    private static (int, int)? ReadPorts(string text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return null;
        }

        var ends = text.Split('-', 2, StringSplitOptions.TrimEntries);
        return int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
            && int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var last)
            && first is > 0 and <= 65535 && last >= first && last <= 65535
            ? (first, last)
            : throw new OptionsValidationException(nameof(DuplexityOptions), typeof(DuplexityOptions), ["Duplexity:Pipes:Ports must look like 7000-7099, or be empty."]);
    }
}
