using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels;

/// <summary>Where a visitor's request goes: to which of a registration's resources, and with which target.</summary>
/// <param name="Entry">The registration.</param>
/// <param name="Route">The route that covers the path; null: the pipe's own resource.</param>
/// <param name="Target">Path and query as the resource gets them.</param>
internal sealed record Way(PipeEntry Entry, PipeRoute? Route, string Target)
{
    public string Resource => Route?.Resource ?? Entry.Resource;

    public string HostHeader => Route?.HostHeader ?? Entry.HostHeader;

    /// <summary>The Host header that the resource gets when a visitor came by <paramref name="host"/>.</summary>
    public string? HostOf(string? host) => HostHeader switch
    {
        "keep" => host,
        "resource" => ResourceText.Read(Resource)?.Authority,
        var name => name,
    };

    /// <summary>
    /// Finds it, the longest route by whole segments; null where the path is one that two servers may read in two ways (dot segments, encoded slashes and dots): with routes, who reads it decides where it goes.
    /// </summary>
    public static Way? Find(PipeEntry entry, string target)
    {
        if (entry.Settings.Routes is not { Length: > 0 } routes)
        {
            return new(entry, null, target);
        }

        var end = target.IndexOf('?');
        var path = end < 0 ? target : target[..end];
        if (IsAmbiguous(path))
        {
            return null;
        }

        // Whoever writes %61pi means api, and the resource would read it so.
        var segments = path.Split('/');
        var read = Array.ConvertAll(segments, Uri.UnescapeDataString);
        PipeRoute? best = null;
        foreach (var route in routes)
        {
            if (route.Path!.Length > (best?.Path!.Length ?? 0) && read.AsSpan().StartsWith(route.Path.Split('/')))
            {
                best = route;
            }
        }

        return best is not { Strip: true }
            ? new(entry, best, target)
            : new(entry, best, "/" + string.Join('/', segments[best.Path!.Split('/').Length..]) + (end < 0 ? "" : target[end..]));
    }

    private static bool IsAmbiguous(string path)
    {
        if (path.Contains('\\') || path.Contains("%2f", StringComparison.OrdinalIgnoreCase) || path.Contains("%5c", StringComparison.OrdinalIgnoreCase)
            || path.Contains("%2e", StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        foreach (var segment in path.AsSpan().Split('/'))
        {
            if (path.AsSpan(segment) is "." or "..")
            {
                return true;
            }
        }

        return false;
    }
}
