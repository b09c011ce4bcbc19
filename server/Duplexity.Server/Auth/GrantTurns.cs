using Duplexity.Server.Engine;

namespace Duplexity.Server.Auth;

/// <summary>
/// One refresh of a sign-in at a time, over all processes that share the records: a handle is renewed once, and the provider, which may count handles as well, is asked once. A turn is a record
/// that ends by itself, so that a process that dies with one keeps nobody out for long. Thread-safe.
/// </summary>
internal sealed class GrantTurns(IRecords records, TimeProvider time)
{
    private const string Kind = "grant-turn";

    /// <summary>How long a turn lasts at most: the provider's time-out and twice as much again.</summary>
    private static readonly TimeSpan Lasts = TimeSpan.FromSeconds(30);

    /// <summary>How long somebody waits for another process's turn.</summary>
    private static readonly TimeSpan Waits = TimeSpan.FromSeconds(10);

    /// <summary>How often it looks meanwhile: about as long as a refresh takes.</summary>
    private static readonly TimeSpan Looks = TimeSpan.FromMilliseconds(50);

    // Within the process first, so that of many only one looks into the records; which of these it is depends on the sign-in.
    private readonly SemaphoreSlim[] _here = [.. Enumerable.Range(0, 64).Select(_ => new SemaphoreSlim(1, 1))];

    /// <summary>Waits for the turn of a sign-in; null where another process does not give it up in time. Dispose of it.</summary>
    public async Task<IAsyncDisposable?> EnterAsync(string id, CancellationToken ct)
    {
        var here = _here[(uint)string.GetHashCode(id, StringComparison.Ordinal) % _here.Length];
        await here.WaitAsync(ct);
        try
        {
            var until = time.GetUtcNow() + Waits;
            while (!await records.TryAddAsync(Kind, id, "", time.GetUtcNow() + Lasts, ct))
            {
                if (time.GetUtcNow() >= until)
                {
                    here.Release();
                    return null;
                }

                await Task.Delay(Looks, time, ct);
            }

            return new Turn(records, id, here);
        }
        catch
        {
            here.Release();
            throw;
        }
    }

    private sealed class Turn(IRecords records, string id, SemaphoreSlim here) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            try
            {
                await records.TakeAsync(Kind, id);
            }
            finally
            {
                here.Release();
            }
        }
    }
}
