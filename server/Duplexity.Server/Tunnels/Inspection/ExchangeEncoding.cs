using System.IO.Compression;
using System.Text;
using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.Primitives;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>Makes of what was recorded what is kept: without secrets, bodies as they were before they were compressed, everything cut to size. Runs beside the traffic, never in it.</summary>
internal static class ExchangeEncoding
{
    /// <summary>The longest target that is kept, in characters: as long as common servers take.</summary>
    public const int MostOfTarget = 8192;

    /// <summary>The longest method that is kept: longer ones are nobody's.</summary>
    private const int MostOfMethod = 32;

    /// <summary>What an exchange takes beside its texts and bodies, in bytes, about.</summary>
    private const int Overhead = 1024;

    private static readonly string[] Opaque = ["image/", "video/", "audio/", "font/"];

    /// <summary>The exchange, and what it takes in bytes.</summary>
    public static (ExchangeDetail Exchange, long Bytes) Encode(ExchangeRecorder recorder, ExchangeLine line, int mostOfBody)
    {
        var request = Encode(recorder.RequestHeaders, recorder.RequestBody, recorder.Passed.Request, mostOfBody);
        var response = Encode(recorder.ResponseHeaders, recorder.ResponseBody, recorder.Passed.Response, mostOfBody);
        var found = new List<string>();
        var target = Redaction.Url(line.Target.Length > MostOfTarget ? line.Target[..MostOfTarget] : line.Target, found);
        var exchange = new ExchangeDetail
        {
            Exchange = new()
            {
                Id = recorder.Id,
                Pipe = recorder.Entry.Name,
                At = line.At.ToUnixTimeMilliseconds(),
                Method = line.Method.Length > MostOfMethod ? line.Method[..MostOfMethod] : line.Method,
                Target = target,
                Status = line.Status,
                DurationMs = recorder.EndMs,
                Visitor = line.Visitor,
                Client = recorder.Client,
                RequestBytes = recorder.Passed.Request,
                ResponseBytes = recorder.Passed.Response,
                ReplayOf = line.ReplayOf,
                Session = recorder.Entry.Session,
            },
            Url = recorder.Entry.Url.TrimEnd('/'),
            Request = request with { Redacted = [.. found.Select(f => $"{f} of the query"), .. request.Redacted] },
            Response = response,
            Timings = new() { LocatedMs = recorder.LocatedMs, CarrierMs = recorder.CarrierMs, FirstByteMs = recorder.FirstByteMs, EndMs = recorder.EndMs },
            Gates = recorder.Gates,
        };
        return (exchange, Overhead + (4 * target.Length) + Size(request) + Size(response));
    }

    private static ExchangeMessage Encode(KeyValuePair<string, StringValues>[] headers, (ReadOnlyMemory<byte> Bytes, bool IsWhole) body, long passed, int mostOfBody)
    {
        var found = new List<string>();
        var kept = new List<PipeHeader>(headers.Length);
        foreach (var (name, values) in headers)
        {
            foreach (var value in values)
            {
                // Ours, and no secret: it names an exchange.
                kept.Add(new() { Name = name, Value = name == Replay.Header ? value : Redaction.Header(name, value ?? "", found) });
            }
        }

        var (bytes, isWhole) = passed == 0 ? (null, body.IsWhole) : Body(headers, body, mostOfBody, found);
        return new() { Headers = [.. kept], Body = bytes, IsWhole = isWhole, Redacted = [.. found.Distinct()] };
    }

    private static (byte[]? Bytes, bool IsWhole) Body(KeyValuePair<string, StringValues>[] headers, (ReadOnlyMemory<byte> Bytes, bool IsWhole) body, int mostOfBody, List<string> found)
    {
        var (bytes, isWhole) = Value(headers, "Content-Encoding") is { Length: > 0 } encoding and not "identity" ? Decompress(encoding, body, mostOfBody) : body;
        if (bytes.Length == 0)
        {
            return (null, isWhole);
        }

        var type = Value(headers, "Content-Type");
        if (Array.Exists(Opaque, o => type.StartsWith(o, StringComparison.OrdinalIgnoreCase) && !type.Contains("xml", StringComparison.OrdinalIgnoreCase)))
        {
            return (bytes.ToArray(), isWhole);
        }

        // One byte, one character: what is not redacted comes out as it was, whatever it is.
        var text = Encoding.Latin1.GetString(bytes.Span);
        var clean = type.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase) ? Redaction.Form(text, found)
            : type.StartsWith("multipart/", StringComparison.OrdinalIgnoreCase) ? Redaction.Parts(text, found)
            : Redaction.Json(text, found);
        return (ReferenceEquals(clean, text) ? bytes.ToArray() : Encoding.Latin1.GetBytes(clean), isWhole);
    }

    /// <summary>What is compressed cannot be looked through. As much as there is of it, and no more than is kept of others.</summary>
    private static (ReadOnlyMemory<byte> Bytes, bool IsWhole) Decompress(string encoding, (ReadOnlyMemory<byte> Bytes, bool IsWhole) body, int most)
    {
        using var compressed = new MemoryStream(body.Bytes.ToArray(), writable: false);
        using Stream? plain = encoding.Trim().ToLowerInvariant() switch
        {
            "gzip" or "x-gzip" => new GZipStream(compressed, CompressionMode.Decompress),
            "br" => new BrotliStream(compressed, CompressionMode.Decompress),
            "deflate" => new ZLibStream(compressed, CompressionMode.Decompress),
            _ => null,
        };
        var bytes = new byte[most];
        var length = 0;
        try
        {
            while (plain is not null && length < most && plain.Read(bytes, length, most - length) is > 0 and var read)
            {
                length += read;
            }

            return (bytes.AsMemory(0, length), body.IsWhole && plain is not null && plain.ReadByte() < 0);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or InvalidOperationException)
        {
            // Cut, or not what it says it is: what came out of it.
            return (bytes.AsMemory(0, length), false);
        }
    }

    private static string Value(KeyValuePair<string, StringValues>[] headers, string name) =>
        Array.Find(headers, h => h.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value.ToString();

    private static long Size(ExchangeMessage message) => (message.Body?.Length ?? 0) + message.Headers.Sum(h => 100L + (2 * (h.Name!.Length + h.Value!.Length)));
}

/// <summary>What is known of an exchange beside what was recorded of it.</summary>
internal sealed record ExchangeLine(DateTimeOffset At, string Method, string Target, int Status, string? Visitor, string? ReplayOf);
