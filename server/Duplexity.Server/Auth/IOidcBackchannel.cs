namespace Duplexity.Server.Auth;

/// <summary>How the node reaches the OpenID provider itself, without a browser: discovery, keys and tokens.</summary>
internal interface IOidcBackchannel
{
    /// <summary>A client for these calls; shared, never disposed by its user.</summary>
    HttpClient Client { get; }

    /// <summary>Where a browser that will come back to <paramref name="callback"/> reaches the provider's page at <paramref name="address"/>.</summary>
    string InBrowser(string address, string callback) => address;
}

/// <summary>The plain way: to wherever the authority's name leads, following no redirect.</summary>
internal sealed class OidcBackchannel : IOidcBackchannel, IDisposable
{
    public HttpClient Client { get; } = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(2) })
    {
        // An answer has some hundred bytes, a key set some thousand.
        MaxResponseContentBufferSize = 256 * 1024,
        Timeout = TimeSpan.FromSeconds(10),
    };

    public void Dispose() => Client.Dispose();
}
