using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// What a faithful front needs of Kestrel and can only have for the whole server. Everything that can be had per request (body size, data rates) is set there
/// instead, so that the application's own endpoints keep theirs.
/// </summary>
internal static class FaithfulFront
{
    public static void Configure(KestrelServerOptions options)
    {
        // Header values are bytes: Latin-1 gives each byte a character and back. With the default, a byte above 127 is a 400, or a 502 on its way back.
        options.RequestHeaderEncodingSelector = _ => Encoding.Latin1;
        options.ResponseHeaderEncodingSelector = _ => Encoding.Latin1;

        // The resource's own Server header passes; where it has none, none is made up.
        options.AddServerHeader = false;
    }

    /// <summary>Kestrel's limits on bodies are meant for applications; for this request alone they are lifted.</summary>
    public static void Unlimit(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = null;
        }

        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } requestRate)
        {
            requestRate.MinDataRate = null;
        }

        if (context.Features.Get<IHttpMinResponseDataRateFeature>() is { } responseRate)
        {
            responseRate.MinDataRate = null;
        }
    }
}
