namespace Duplexity.Server.Tunnels;

/// <summary>As much of a resource as the server needs: which protocol it speaks, and its authority for <c>HostHeader: resource</c>. The server never dials it.</summary>
internal static class ResourceText
{
    /// <summary>The channel that a pipe leads into, such as <c>room:orders</c>; null: it serves something else. A name of digits alone is a host and a port, as it is for the clients.</summary>
    public static Address? ReadChannel(string? text) =>
        text?.IndexOf(':') is > 0 and var colon && !text.AsSpan(colon + 1).ContainsAnyExceptInRange('0', '9') ? null
        : Address.TryRead(text, out var address, out _) && address.Kind is AddressKind.Room or AddressKind.Client or AddressKind.Lockspace or AddressKind.Feed ? address : null;

    /// <summary>Whether the resource speaks HTTP/2: in the clear (h2c), or over TLS (h2).</summary>
    public static bool IsHttp2(string? text) => Read(text) is ("h2c" or "h2", _);

    /// <summary>Whether the resource ends TLS itself: its visitors come by the port for that, and its bytes pass unread.</summary>
    public static bool IsTls(string? text) => text?.StartsWith("tls:", StringComparison.OrdinalIgnoreCase) == true;

    /// <summary>Scheme and authority; null where the text is no resource. A bare <c>host:port</c> or port is HTTP, as it is for the clients.</summary>
    public static (string Scheme, string Authority)? Read(string? text)
    {
        if (string.IsNullOrEmpty(text) || text.Length > 1024 || text.Any(char.IsControl))
        {
            return null;
        }

        if (text.StartsWith("unix:/", StringComparison.OrdinalIgnoreCase))
        {
            return ("unix", "localhost");
        }

        if (text.StartsWith("folder:", StringComparison.OrdinalIgnoreCase))
        {
            return ("folder", "localhost");
        }

        var whole = text.Contains("://", StringComparison.Ordinal) ? text : text.All(char.IsAsciiDigit) ? $"http://localhost:{text}" : $"http://{text}";
        return Uri.TryCreate(whole, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" or "h2c" or "h2" or "tls" or "tcp" && uri.Host.Length > 0 && uri.UserInfo.Length == 0
            ? (uri.Scheme, uri.Authority)
            : null;
    }
}
