namespace Duplexity;

/// <summary>Sources of access tokens for <see cref="DuplexityConnectionOptions.Token"/> that renew what has ended.</summary>
public static class AccessTokens
{
    /// <summary>A token that ends within this is renewed before it is used: it must last for a connect.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(60);

    /// <summary>Tokens for an API key (<c>dxk_…</c>), exchanged at the server that it is from, at most every nine minutes. Thread-safe.</summary>
    /// <param name="server">The service's address, prefix included.</param>
    /// <param name="key">The key.</param>
    /// <param name="time">The clock; null: the system's.</param>
    public static Func<CancellationToken, ValueTask<string?>> ForKey(Uri server, string key, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(server);
        ArgumentException.ThrowIfNullOrEmpty(key);
        var clock = time ?? TimeProvider.System;
        var turn = new SemaphoreSlim(1, 1);
        SignedIn? last = null;
        return async ct =>
        {
            await turn.WaitAsync(ct).ConfigureAwait(false);
            try
            {
                last = last is null || last.ExpiresAt - clock.GetUtcNow() < Margin ? await AuthCalls.AskAsync(server, "auth/token", new { key }, clock, ct).ConfigureAwait(false) : last;
                return last.AccessToken;
            }
            finally
            {
                turn.Release();
            }
        };
    }

    /// <summary>The next tokens for a refresh handle, which is used up by this. Keep what comes back in its place.</summary>
    /// <exception cref="DuplexityException">207: the sign-in is over, sign in again. 4xx: not now, the handle is still good.</exception>
    public static Task<SignedIn> RefreshAsync(Uri server, string refreshToken, TimeProvider? time = null, CancellationToken ct = default) =>
        AuthCalls.AskAsync(server, "auth/refresh", new { refresh_token = refreshToken }, time ?? TimeProvider.System, ct);

    /// <summary>Ends a sign-in and its tokens at the server.</summary>
    /// <exception cref="DuplexityException">The server could not be reached.</exception>
    public static Task LogoutAsync(Uri server, string refreshToken, CancellationToken ct = default) =>
        AuthCalls.PostAsync(server, "auth/logout", new { refresh_token = refreshToken }, _ => Task.FromResult(true), ct);
}
