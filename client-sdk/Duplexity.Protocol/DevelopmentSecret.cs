using System.Globalization;

namespace Duplexity;

/// <summary>
/// The file that proves, in the Development environment, that a caller is the same user on the same machine as the service (G6). Defined once, because
/// service and client must look in the same place; outside Development neither writes nor reads it.
/// </summary>
public static class DevelopmentSecret
{
    /// <summary>The request header of <c>POST /auth/development</c> that has the secret.</summary>
    public const string Header = "Duplexity-Development";

    /// <summary>The path of the endpoint that makes development tokens, under the service's own prefix.</summary>
    public const string Endpoint = "auth/development";

    /// <summary>
    /// Where the service that listens on <paramref name="port"/> keeps its secret: <c>$XDG_STATE_HOME/duplexity/development-PORT.secret</c>, by default
    /// <c>~/.local/state/duplexity/…</c>; on Windows under the local application data. The file has mode 600, its folder 700.
    /// </summary>
    /// <param name="port">The TCP port of the service, 1 to 65535.</param>
    /// <exception cref="ArgumentOutOfRangeException">The port is none.</exception>
    public static string PathFor(int port)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(port, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, 65535);
        return Path.Combine(StateFolder(), "duplexity", string.Create(CultureInfo.InvariantCulture, $"development-{port}.secret"));
    }

    private static string StateFolder()
    {
        if (OperatingSystem.IsWindows())
        {
            return Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
        }

        // The base directory specification: a relative path is invalid and must be ignored.
        var state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        return !string.IsNullOrEmpty(state) && Path.IsPathRooted(state)
            ? state
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state");
    }
}
