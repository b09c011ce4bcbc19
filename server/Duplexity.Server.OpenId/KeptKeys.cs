using System.Globalization;
using System.Security.Cryptography;
using Duplexity.Server.Auth;
using Duplexity.Server.Engine;

namespace Duplexity.Server.OpenId;

/// <summary>
/// Keys that are drawn, kept sealed among the records, and changed every 90 days while the older ones go on being read, so that nobody is cut off. One that has not been the newest for longer than what it
/// made can live is not read again. Thread-safe.
/// </summary>
internal sealed class KeptKeys(IEngine engine, Sealing sealing, TimeProvider time)
{
    /// <summary>How often it is to be looked whether a new one is due.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    /// <summary>How long a key is the newest: as long as a certificate does nowadays.</summary>
    private static readonly TimeSpan Signs = TimeSpan.FromDays(90);

    /// <summary>The kept keys of a kind, newest first; <paramref name="draw"/> makes another where the newest is too old. <paramref name="outlives"/> is how long what a key made may live.</summary>
    public async Task<IReadOnlyList<(DateTimeOffset DrawnAt, string Text)>> LookAsync(string kind, Func<string> draw, TimeSpan outlives, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var kept = await ReadAsync(kind, ct);
        if (kept.Count == 0 || now - kept[0].DrawnAt >= Signs)
        {
            var text = $"{now.ToUnixTimeSeconds()}\n{draw()}";
            await engine.Records.PutAsync(kind, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), sealing.Seal(kind, text), now + (Signs * 2) + outlives, ct);
            kept = await ReadAsync(kind, ct);
        }

        return kept;
    }

    private async Task<List<(DateTimeOffset DrawnAt, string Text)>> ReadAsync(string kind, CancellationToken ct)
    {
        var read = new List<(DateTimeOffset DrawnAt, string Text)>();
        foreach (var (_, sealedText) in await engine.Records.ListAsync(kind, ct))
        {
            // What cannot be opened was sealed with a key ring that is gone: then what it made is over, and a new key takes its place.
            if (sealing.Open(kind, sealedText)?.Split('\n', 2) is [var drawnAt, var text])
            {
                read.Add((DateTimeOffset.FromUnixTimeSeconds(long.Parse(drawnAt, CultureInfo.InvariantCulture)), text));
            }
        }

        return [.. read.OrderByDescending(k => k.DrawnAt)];
    }
}
