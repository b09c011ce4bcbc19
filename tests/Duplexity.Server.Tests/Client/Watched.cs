using Duplexity.Testing;

namespace Duplexity.Server.Tests.Client;

/// <summary>A watch of the SDK, read one by one.</summary>
internal sealed class Watched<T>(IAsyncEnumerable<T> watch) : IAsyncDisposable
{
    private readonly IAsyncEnumerator<T> _reader = watch.GetAsyncEnumerator();

    public async Task<T> NextAsync(Func<T, bool>? wanted = null)
    {
        while (await _reader.MoveNextAsync().Soon())
        {
            if (wanted?.Invoke(_reader.Current) != false)
            {
                return _reader.Current;
            }
        }

        throw new InvalidOperationException("The watch has ended.");
    }

    /// <summary>Whether there is anything more.</summary>
    public Task<bool> MoveNextAsync() => _reader.MoveNextAsync().Soon();

    public ValueTask DisposeAsync() => _reader.DisposeAsync();
}
