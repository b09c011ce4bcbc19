using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Duplexity.Carriers;

/// <summary>How a resource is spoken to.</summary>
internal enum ResourceKind
{
    Http,
    Https,

    /// <summary>HTTP/2 in the clear, from the first byte on.</summary>
    H2c,

    /// <summary>HTTP/2 over TLS.</summary>
    H2,

    /// <summary>TLS that ends at the resource: its bytes pass as they are.</summary>
    Tls,
    Tcp,
    Unix,

    /// <summary>A channel: the server sends there, and nothing is dialled.</summary>
    Channel,
}

/// <summary>What a pipe serves: the one thing that its carriers dial. Immutable.</summary>
internal sealed record Resource
{
    private Resource(ResourceKind kind, string host, int port)
    {
        Kind = kind;
        Host = host;
        Port = port;
    }

    public ResourceKind Kind { get; }

    /// <summary>The host to dial; for a Unix socket its path.</summary>
    public string Host { get; }

    public int Port { get; }

    /// <summary>What the server is told instead of the address that is dialled; null: that address.</summary>
    public string? Announced { get; init; }

    /// <summary>Whether a certificate is taken as it is: no protection against another program on the way, which on loopback there is none.</summary>
    public bool TakesAnyCertificate { get; init; }

    /// <summary>The canonical text, as it is registered: <c>http://localhost:3000</c>, <c>tcp://localhost:22</c>, <c>unix:/run/app.sock</c>.</summary>
    public override string ToString() => Announced ?? Kind switch
    {
        ResourceKind.Unix => "unix:" + Host,
        ResourceKind.Channel => Host,
        _ => string.Create(CultureInfo.InvariantCulture, $"{Kind.ToString().ToLowerInvariant()}://{(Host.Contains(':') ? $"[{Host}]" : Host)}:{Port}"),
    };

    /// <summary>Reads <c>3000</c>, <c>localhost:3000</c>, <c>http://…</c>, <c>https://…</c>, <c>h2c://…</c>, <c>h2://…</c>, <c>tls://…</c>, <c>tcp://host:port</c>, <c>unix:/path</c> or a channel such as <c>room:orders</c>.</summary>
    /// <exception cref="FormatException">The text names no resource; the message says why.</exception>
    public static Resource Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var shown = VisibleText.Of(text, 128);
        if (text.StartsWith("unix:", StringComparison.OrdinalIgnoreCase))
        {
            var path = text["unix:".Length..];
            return path.StartsWith('/') && !path.Contains('\0')
                ? new(ResourceKind.Unix, path, 0)
                : throw new FormatException($"'{shown}' needs the whole path of a socket, such as unix:/run/app.sock.");
        }

        if (text.StartsWith("folder:", StringComparison.OrdinalIgnoreCase))
        {
            // Somebody serves it at a socket of this machine, which is nobody else's business: what is told is its name.
            var at = text.IndexOf('@');
            return at > 0 && Parse("unix:" + text[(at + 1)..]) is var served
                ? served with { Announced = text[..at] }
                : throw new FormatException($"'{shown}' is served by the command line: duplexity up ./folder.");
        }

        // A name of digits alone is a port.
        if (text.IndexOf(':') is > 0 and var colon && text.AsSpan(colon + 1).ContainsAnyExceptInRange('0', '9')
            && Address.TryParse(text, null, out var channel) && channel.Kind is AddressKind.Room or AddressKind.Client or AddressKind.Lockspace or AddressKind.Feed)
        {
            return new(ResourceKind.Channel, channel.ToString(), 0);
        }

        var kind = ResourceKind.Http;
        var rest = text;
        var scheme = text.IndexOf("://", StringComparison.Ordinal);
        if (scheme >= 0)
        {
            kind = text[..scheme].ToLowerInvariant() switch
            {
                "http" => ResourceKind.Http,
                "https" => ResourceKind.Https,
                "h2c" => ResourceKind.H2c,
                "h2" => ResourceKind.H2,
                "tls" => ResourceKind.Tls,
                "tcp" => ResourceKind.Tcp,
                _ => throw new FormatException($"'{shown}' is not a resource: what a pipe serves begins with http://, https://, h2c://, h2://, tls://, tcp:// or unix:, or is a port."),
            };
            rest = text[(scheme + 3)..];
        }
        else if (rest.Length > 0 && rest.All(char.IsAsciiDigit))
        {
            return new(ResourceKind.Http, "localhost", ReadPort(rest, shown));
        }

        var slash = rest.IndexOfAny(['/', '?', '#']);
        if (slash >= 0)
        {
            if (rest[slash..] != "/")
            {
                throw new FormatException($"'{shown}' has a path: a pipe serves a whole host, so leave out everything behind the port.");
            }

            rest = rest[..slash];
        }

        var (host, port) = ReadAuthority(rest, shown);
        port ??= kind switch
        {
            ResourceKind.Https or ResourceKind.H2 or ResourceKind.Tls => 443,
            ResourceKind.Http when scheme >= 0 => 80,
            _ => throw new FormatException($"'{shown}' needs a port, such as {(scheme < 0 ? "localhost:3000" : $"{text[..scheme]}://localhost:5000")}."),
        };
        return new(kind, host, port.Value);
    }

    /// <summary>Opens a connection; over TLS, with the certificate verified, for https.</summary>
    public async Task<ResourceConnection> DialAsync(CancellationToken ct)
    {
        if (Kind == ResourceKind.Channel)
        {
            throw new IOException("A channel is not dialled.");
        }

        var socket = Kind == ResourceKind.Unix
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            if (Kind == ResourceKind.Unix)
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(Host), ct).ConfigureAwait(false);
            }
            else
            {
                await socket.ConnectAsync(Host, Port, ct).ConfigureAwait(false);
            }

            var plain = new NetworkStream(socket, ownsSocket: true);
            if (Kind is not (ResourceKind.Https or ResourceKind.H2))
            {
                return new(socket, plain);
            }

            var protocol = Kind == ResourceKind.H2 ? SslApplicationProtocol.Http2 : SslApplicationProtocol.Http11;
            var tls = new SslStream(plain);
            await tls.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = Host,
                    ApplicationProtocols = [protocol],
                    RemoteCertificateValidationCallback = TakesAnyCertificate ? (_, _, _, _) => true : null,
                },
                ct).ConfigureAwait(false);
            return Kind == ResourceKind.Https || tls.NegotiatedApplicationProtocol == protocol
                ? new(socket, tls)
                : throw new AuthenticationException("The resource does not offer HTTP/2.");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static (string Host, int? Port) ReadAuthority(string text, string shown)
    {
        var end = text.StartsWith('[') ? text.IndexOf(']') : -1;
        var colon = end > 0 ? (end + 1 < text.Length ? end + 1 : -1) : text.LastIndexOf(':');
        var host = end > 0 ? text[1..end] : colon >= 0 ? text[..colon] : text;
        if (colon >= 0 && text[colon] != ':')
        {
            throw new FormatException($"'{shown}' is not a host and a port.");
        }

        var type = Uri.CheckHostName(end > 0 ? $"[{host}]" : host);
        if (type == UriHostNameType.Unknown || (type == UriHostNameType.IPv6) != (end > 0))
        {
            throw new FormatException($"'{shown}' does not name a host, such as localhost or 127.0.0.1.");
        }

        return (host.ToLowerInvariant(), colon >= 0 ? ReadPort(text[(colon + 1)..], shown) : null);
    }

    private static int ReadPort(string text, string shown) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535
            ? port
            : throw new FormatException($"'{shown}' has no valid port: ports go from 1 to 65535.");
}
