using System.Globalization;
using Duplexity.Protocol;

namespace Duplexity.Server.Tunnels;

/// <summary>Checks what a registration asks for concerning its traffic: routes, headers, carriers and time-outs.</summary>
internal static class TrafficSettings
{
    // A person writes a handful of each; each request looks at all of them.
    private const int MostRoutes = 32;
    private const int MostHeaders = 32;
    private const int LongestPath = 255;
    private const int LongestValue = 4096;

    // A day: who wants more wants none.
    private const long LongestTimeout = 24 * 60 * 60 * 1000;

    /// <summary>What is wrong; null: nothing.</summary>
    public static DuplexityError? Problem(PipeRegistration pipe) =>
        Routes(pipe.Routes)
        ?? Headers("requestHeaders", pipe.RequestHeaders)
        ?? Headers("responseHeaders", pipe.ResponseHeaders)
        ?? (pipe.Carriers is null or "shared" or PipeSettings.PerVisitor ? null : Wrong($"carriers is shared or {PipeSettings.PerVisitor}, not '{Shown(pipe.Carriers)}'."))
        ?? Timeout("headerTimeoutMs", pipe.HeaderTimeoutMs)
        ?? Timeout("idleTimeoutMs", pipe.IdleTimeoutMs);

    private static DuplexityError? Routes(PipeRoute[]? routes)
    {
        if (routes is { Length: > MostRoutes })
        {
            return Wrong($"A pipe has {MostRoutes} routes at most.");
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var route in routes ?? [])
        {
            var (path, resource) = (Shown(route?.Path), Shown(route?.Resource));
            if (route?.Path is not { Length: > 1 and <= LongestPath } || !IsPath(route.Path))
            {
                return Wrong($"'{path}' is no path of a route: it looks like /api, with letters, digits and - . _ ~ in each segment, and no slash at its end.");
            }

            if (!seen.Add(route.Path))
            {
                return Wrong($"There are two routes for '{path}'.");
            }

            if (ResourceText.Read(route.Resource) is not ("http" or "https" or "h2c" or "h2" or "unix" or "folder", _))
            {
                return Wrong($"'{resource}' is no resource of a route: it begins with http://, https://, h2c://, h2:// or unix:.");
            }

            if (PipeNames.CheckHostHeader(route.HostHeader) is { } problem)
            {
                return problem;
            }
        }

        return null;
    }

    private static bool IsPath(string path) =>
        path[0] == '/' && path[1..].Split('/').All(s => s.Length > 0 && s is not ("." or "..") && s.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '~'));

    private static DuplexityError? Headers(string field, PipeHeader[]? headers)
    {
        if (headers is { Length: > MostHeaders })
        {
            return Wrong($"{field} has {MostHeaders} headers at most.");
        }

        var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var header in headers ?? [])
        {
            var name = Shown(header?.Name);
            if (header?.Name is not { Length: > 0 and <= 128 } || !header.Name.All(IsTokenPart))
            {
                return Wrong($"{field}: '{name}' is not the name of a header.");
            }

            if (HeaderRules.IsFixed(header.Name))
            {
                return Wrong($"{field}: '{name}' is not a pipe's to change: it says how the message is framed, where it goes, or who vouches for it{(header.Name.Equals("host", StringComparison.OrdinalIgnoreCase) ? " (there is hostHeader)" : "")}.");
            }

            if (!seen.Add(header.Name))
            {
                return Wrong($"{field}: '{name}' stands there twice.");
            }

            if (header.Value is { } value && (value.Length > LongestValue || value.Any(c => c is (< ' ' and not '\t') or '\x7f' or > '\xff')))
            {
                return Wrong($"{field}: the value of '{name}' is longer than {LongestValue.ToString(CultureInfo.InvariantCulture)} characters, or has some that no header can have.");
            }
        }

        return null;
    }

    private static bool IsTokenPart(char c) => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c);

    private static DuplexityError? Timeout(string field, long? value) =>
        value is null or (> 0 and <= LongestTimeout) ? null : Wrong($"{field} is from 1 to {LongestTimeout} milliseconds (a day).");

    private static string Shown(string? text) => VisibleText.Of(text, 128);

    private static DuplexityError Wrong(string sentence) => DuplexityError.Of(Errors.InvalidPipe, sentence);
}
