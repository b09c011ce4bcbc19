using System.Text;
using Duplexity.Protocol;

namespace Duplexity.Server.Pipes.Cooked;

/// <summary>Whether a pipe that a client wants can be: every part has a bound, and what is wrong is said in a sentence.</summary>
internal static class PipeCheck
{
    /// <summary>Entries of a list or map, more than any message has fields of interest.</summary>
    private const int MostParts = 32;

    private const int MostIdLength = 64;
    private const int MostDay = 86_400_000;

    public static string? Problem(MessagePipe pipe, MessagePipeOptions options)
    {
        if (pipe.Id is { } id && (id.Length is 0 or > MostIdLength || !id.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_')))
        {
            return $"id has 1 to {MostIdLength} of a-z, 0-9, - and _";
        }

        if (!Address.TryRead(pipe.From, out var from, out var problem))
        {
            return $"from: {problem}";
        }

        if (from.Kind is not (AddressKind.Room or AddressKind.Feed or AddressKind.Client))
        {
            return "from is a room, a feed or the own inbox";
        }

        if (pipe.To is not { Length: > 0 } to || to.Length > options.Destinations)
        {
            return $"to has 1 to {options.Destinations} addresses";
        }

        foreach (var text in to)
        {
            if (!Address.TryRead(text, out var address, out problem))
            {
                return $"to: {problem}";
            }

            if (address == from)
            {
                return "to names the channel that the pipe reads";
            }
        }

        return Problem(pipe.Filter) ?? Problem(pipe.Transform)
            ?? (pipe.Limit is { Messages: null or < 1 } ? "limit.messages is 1 or more" : pipe.Limit?.WindowMs is < 1 or > MostDay ? $"limit.windowMs is 1 to {MostDay}" : null);
    }

    private static string? Problem(MessageFilter? filter) => filter is null ? null
        : filter.Clients is { } clients && (clients.Length is 0 or > MostParts || clients.Any(c => c is not { Length: > 0 and <= Pattern.MaxLength })) ? $"filter.clients has 1 to {MostParts} patterns"
        : Names("filter.type", [filter.Type ?? ""]) ?? Map("filter.headers", filter.Headers) ?? Map("filter.fields", filter.Fields);

    private static string? Problem(MessageTransform? transform) => transform is null ? null
        : transform.Select is { Length: 0 } ? "transform.select names a field, or is left out"
        : Names("transform.select", transform.Select) ?? Map("transform.rename", transform.Rename) ?? Names("transform.removeHeaders", transform.RemoveHeaders)
            ?? Map("transform.setHeaders", transform.SetHeaders) ?? Names("transform.type", [transform.Type ?? ""])
            ?? (transform.Text is { } text ? Template(text) : null);

    // Each field is looked for in the whole body.
    private static string? Template(string text) =>
        Encoding.UTF8.GetByteCount(text) > Wire.MaxHeaderBytes ? $"transform.text has at most {Wire.MaxHeaderBytes} bytes before it is filled in"
        : text.Replace("{{", "", StringComparison.Ordinal).Count(c => c == '{') > MostParts ? $"transform.text has at most {MostParts} fields to fill in"
        : null;

    private static string? Names(string what, string[]? names) =>
        names is null || (names.Length <= MostParts && names.All(n => n?.Length <= Wire.MaxNameLength)) ? null : $"{what} has at most {MostParts} names of at most {Wire.MaxNameLength} characters";

    private static string? Map(string what, Dictionary<string, string>? map) =>
        map is null || (map.Count <= MostParts && map.All(e => e.Key.Length <= Wire.MaxNameLength && e.Value?.Length <= Wire.MaxNameLength * 2))
            ? null : $"{what} has at most {MostParts} entries, names of at most {Wire.MaxNameLength} characters and values of twice that";
}
