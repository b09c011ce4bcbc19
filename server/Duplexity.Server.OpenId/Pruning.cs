using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenIddict.Abstractions;

namespace Duplexity.Server.OpenId;

/// <summary>Takes codes and tokens that are over out of the file, hour by hour.</summary>
internal sealed class Pruning(IServiceScopeFactory scopes, TimeProvider time, ILogger<Pruning> logger) : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    /// <summary>How long what is over stays: a code or token that comes back within it is known as used, and ends its sign-in.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromDays(1);

    private ITimer? _timer;

    public void Start() => _timer = time.CreateTimer(_ => _ = PruneAsync(), null, Interval, Interval);

    public void Dispose() => _timer?.Dispose();

    private async Task PruneAsync()
    {
        try
        {
            await using var scope = scopes.CreateAsyncScope();
            var threshold = time.GetUtcNow() - Kept;
            await scope.ServiceProvider.GetRequiredService<IOpenIddictTokenManager>().PruneAsync(threshold);
            await scope.ServiceProvider.GetRequiredService<IOpenIddictAuthorizationManager>().PruneAsync(threshold);
        }
        catch (Exception e) when (e is SqliteException or DbUpdateException or AggregateException or ObjectDisposedException)
        {
            Log.NotPruned(logger, e);
        }
    }
}
