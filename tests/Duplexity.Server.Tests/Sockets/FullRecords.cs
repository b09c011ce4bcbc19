using Duplexity.Server.Engine;

namespace Duplexity.Server.Tests.Sockets;

/// <summary>Records in memory, and a disk that is full from the start, or from when a test says so.</summary>
internal sealed class FullRecords(IRecords? inner = null, bool isFull = true) : IRecords
{
    private readonly IRecords _inner = inner ?? new MemoryRecords(TimeProvider.System);

    public bool IsFull { get; set; } = isFull;

    public bool IsDurable => true;

    public ValueTask<bool> TryAddAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => Room().TryAddAsync(kind, key, value, expiresAt, ct);

    public ValueTask PutAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => Room().PutAsync(kind, key, value, expiresAt, ct);

    public ValueTask<bool> TryReplaceAsync(string kind, string key, string expected, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => Room().TryReplaceAsync(kind, key, expected, value, expiresAt, ct);

    public ValueTask<string?> ReadAsync(string kind, string key, CancellationToken ct = default) => _inner.ReadAsync(kind, key, ct);

    public ValueTask<string?> TakeAsync(string kind, string key, CancellationToken ct = default) => Room().TakeAsync(kind, key, ct);

    public ValueTask<IReadOnlyList<KeyValuePair<string, string>>> ListAsync(string kind, CancellationToken ct = default) => _inner.ListAsync(kind, ct);

    private IRecords Room() => IsFull ? throw new IOException("The disk is full.") : _inner;
}
