using Duplexity.Server.Engine;

namespace Duplexity.Server.Tests.Pipes.Cooked;

/// <summary>Records in memory; a test can hold up the next one of a kind that is written, on its way to the disk.</summary>
internal sealed class HeldRecords(string held) : IRecords
{
    private readonly MemoryRecords _inner = new(TimeProvider.System);
    private readonly TaskCompletionSource _letGo = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource? _asked;

    public bool IsDurable => true;

    /// <summary>The next one waits; completes when it does.</summary>
    public Task HoldAsync() => (_asked = new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>What waits goes on.</summary>
    public void LetGo() => _letGo.SetResult();

    /// <summary>Completes when what waited is done.</summary>
    public Task DoneAsync() => _done.Task;

    public ValueTask PutAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => _inner.PutAsync(kind, key, value, expiresAt, ct);

    public ValueTask<bool> TryAddAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) =>
        HeldAsync(kind, () => _inner.TryAddAsync(kind, key, value, expiresAt, ct));

    public ValueTask<bool> TryReplaceAsync(string kind, string key, string expected, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) =>
        HeldAsync(kind, () => _inner.TryReplaceAsync(kind, key, expected, value, expiresAt, ct));

    public ValueTask<string?> ReadAsync(string kind, string key, CancellationToken ct = default) => _inner.ReadAsync(kind, key, ct);

    public ValueTask<string?> TakeAsync(string kind, string key, CancellationToken ct = default) => _inner.TakeAsync(kind, key, ct);

    public ValueTask<IReadOnlyList<KeyValuePair<string, string>>> ListAsync(string kind, CancellationToken ct = default) => _inner.ListAsync(kind, ct);

    private async ValueTask<bool> HeldAsync(string kind, Func<ValueTask<bool>> write)
    {
        var asked = kind == held ? Interlocked.Exchange(ref _asked, null) : null;
        if (asked is not null)
        {
            asked.SetResult();
            await _letGo.Task;
        }

        var isDone = await write();
        if (asked is not null)
        {
            _done.SetResult();
        }

        return isDone;
    }
}
