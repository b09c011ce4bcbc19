using System.Net;
using System.Text;

namespace Duplexity.Server.Tunnels;

/// <summary>What every HTTP client over carriers has in common: it passes on what it is given, and does nothing of its own.</summary>
internal static class CarrierHandler
{
    /// <summary>A handler whose connections are what <paramref name="connect"/> gives.</summary>
    public static SocketsHttpHandler Over(Func<SocketsHttpConnectionContext, CancellationToken, ValueTask<Stream>> connect) => new()
    {
        ConnectCallback = connect,
        PooledConnectionLifetime = Timeout.InfiniteTimeSpan, // the pool of carriers decides, and two timers per carrier are saved
        MaxResponseDrainSize = 0, // who abandons a download does not want the rest of it
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1,
        ResponseHeaderEncodingSelector = (_, _) => Encoding.Latin1,
    };
}
