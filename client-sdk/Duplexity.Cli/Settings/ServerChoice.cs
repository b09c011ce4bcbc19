namespace Duplexity.Cli.Settings;

/// <summary>Which server a command talks to: <c>--server</c>, DUPLEXITY_SERVER, the project's file, the last sign-in, else the development default.</summary>
internal static class ServerChoice
{
    public const string Variable = "DUPLEXITY_SERVER";

    /// <summary>Where <c>dotnet run --project server/Duplexity.Host</c> listens.</summary>
    public static readonly Uri Default = new("http://localhost:5080/");

    /// <summary>The first of the four that is there.</summary>
    public static Uri Resolve(string? option, string? variable, string? signedIn) =>
        new[] { option, variable, signedIn }.FirstOrDefault(s => !string.IsNullOrWhiteSpace(s)) is { } chosen ? Parse(chosen) : Default;

    /// <summary>Reads a server as people type it; without a scheme, plain on this machine and TLS elsewhere.</summary>
    /// <exception cref="UsageException">It is not the address of a server.</exception>
    public static Uri Parse(string text)
    {
        var trimmed = text.Trim();
        var candidate = trimmed.Contains("://", StringComparison.Ordinal) ? trimmed : "http://" + trimmed;
        if (!Uri.TryCreate(candidate, UriKind.Absolute, out var server) || server.Host.Length == 0 || server.Scheme is not ("http" or "https")
            || server.UserInfo.Length > 0 || server.Query.Length > 0 || server.Fragment.Length > 0)
        {
            throw new UsageException($"\"{text}\" is not a server; write https://hub.example.org or http://localhost:5080.");
        }

        if (!trimmed.Contains("://", StringComparison.Ordinal) && !DevelopmentToken.IsLoopback(server))
        {
            server = new Uri("https://" + trimmed);
        }

        return server.AbsolutePath.EndsWith('/') ? server : new Uri(server.AbsoluteUri + "/");
    }

    /// <summary>What sign-ins are kept under: scheme, host and port (G25).</summary>
    public static string Origin(Uri server) => server.GetLeftPart(UriPartial.Authority);
}
