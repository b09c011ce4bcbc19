using System.Globalization;

namespace Duplexity.Server.Engine;

/// <summary>
/// Fencing tokens: <c>max(last + 1, time in µs)</c>, over all locks. A ceiling that is always above what was given out is kept in the records and moved a minute at a time, so that a token never goes
/// back after a restart either, whatever the clock says, and few grants write it.
/// </summary>
internal sealed class LockTokens(IRecords records, TimeProvider time)
{
    private const string Kind = "lock-tokens";
    private const string Key = "ceiling";
    private const long Stride = 60_000_000;

    private readonly SemaphoreSlim _raising = new(1, 1);
    private long _last;
    private long _ceiling;

    /// <summary>Reads where the last process had come to.</summary>
    public async ValueTask StartAsync(CancellationToken ct)
    {
        if (await records.ReadAsync(Kind, Key, ct) is { } text)
        {
            _last = _ceiling = long.Parse(text, CultureInfo.InvariantCulture);
        }
    }

    /// <summary>The next token. The caller lets one in at a time.</summary>
    public long Next() => _last = Math.Max(_last + 1, (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);

    /// <summary>A token that was told of before: the next ones are above it.</summary>
    public void Saw(long token) => _last = Math.Max(_last, token);

    /// <summary>When it completes, no process after this one gives out this token or a lower one.</summary>
    public async ValueTask CoverAsync(long token)
    {
        if (token <= Volatile.Read(ref _ceiling))
        {
            return;
        }

        await _raising.WaitAsync();
        try
        {
            if (token > _ceiling)
            {
                var ceiling = token + Stride;
                await records.PutAsync(Kind, Key, ceiling.ToString(CultureInfo.InvariantCulture));
                Volatile.Write(ref _ceiling, ceiling);
            }
        }
        finally
        {
            _raising.Release();
        }
    }
}
