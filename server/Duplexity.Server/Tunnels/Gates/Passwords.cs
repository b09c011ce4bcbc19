using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>
/// Checks what visitors type. A right password is remembered for a while, for each request brings it again and checking costs 100 ms; wrong ones make their address wait. At most two are checked at once. Thread-safe.
/// </summary>
internal sealed class Passwords(TimeProvider time)
{
    /// <summary>Wrong tries from one address at one pipe before it has to wait, and how long those count.</summary>
    private const int MaxWrong = 20;

    private const int Most = 10_000;
    private static readonly TimeSpan WrongCounts = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(10);

    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _right = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Pipe, IPAddress Network), (int Count, DateTimeOffset Since)> _wrong = new();
    private readonly SemaphoreSlim _checking = new(2, 2);

    /// <summary>Whether an address has typed too many wrong ones at a pipe.</summary>
    public bool MustWait(string pipe, IPAddress network) =>
        _wrong.TryGetValue((pipe, network), out var wrong) && wrong.Count >= MaxWrong && time.GetUtcNow() - wrong.Since < WrongCounts;

    /// <summary>One more wrong password from an address.</summary>
    public void CountWrong(string pipe, IPAddress network)
    {
        var now = time.GetUtcNow();
        Bound(_wrong, w => now - w.Since >= WrongCounts);
        _wrong.AddOrUpdate((pipe, network), (1, now), (_, there) => now - there.Since >= WrongCounts ? (1, now) : (there.Count + 1, there.Since));
    }

    /// <summary>Whether a password is the one of a hash.</summary>
    public async ValueTask<bool> FitAsync(string hash, string password, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var known = Convert.ToBase64String(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{hash}\n{password}")));
        if (_right.TryGetValue(known, out var until) && now < until)
        {
            return true;
        }

        if (password.Length > PasswordHash.MaxLength)
        {
            return false;
        }

        await _checking.WaitAsync(ct);
        try
        {
            if (!await Task.Run(() => PasswordHash.Fits(hash, password), ct))
            {
                return false;
            }
        }
        finally
        {
            _checking.Release();
        }

        Bound(_right, end => end <= now);
        _right[known] = now + Remembered;
        return true;
    }

    private static void Bound<TKey, TValue>(ConcurrentDictionary<TKey, TValue> table, Func<TValue, bool> isOld)
        where TKey : notnull
    {
        if (table.Count < Most)
        {
            return;
        }

        foreach (var entry in table.Where(e => isOld(e.Value)))
        {
            table.TryRemove(entry);
        }

        if (table.Count >= Most)
        {
            table.Clear();
        }
    }
}
