using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels;

/// <summary>What visitors see where there is no pipe, or nobody at its other end. Constant text: nothing of a request is ever in it.</summary>
internal static class Pages
{
    // Long enough for a burst to drain, short enough for a person.
    private const int RetryAfterSeconds = 5;

    public static Task NotFoundAsync(HttpContext context) =>
        WriteAsync(context, StatusCodes.Status404NotFound, "Nothing here", "No pipe has this address. If it is yours, start it and reload.");

    public static Task AwayAsync(HttpContext context) =>
        WriteAsync(context, StatusCodes.Status502BadGateway, "Away", "The machine behind this address is not connected at the moment.");

    public static Task CrowdedAsync(HttpContext context) => LaterAsync(context, "Busy", "Too many visitors wait for the machine behind this address. Try again in a few seconds.");

    /// <summary>Who has the address cannot be found out now.</summary>
    public static Task UnknownAsync(HttpContext context) => LaterAsync(context, "Not now", "The service cannot look up this address at the moment. Try again in a few seconds.");

    /// <summary>This node is being left, others are there.</summary>
    public static Task LeftAsync(HttpContext context) => LaterAsync(context, "Moving", "The service is being moved to another machine. Try again in a few seconds.");

    public static async Task WriteAsync(HttpContext context, int status, string title, string sentence)
    {
        var page = Encoding.UTF8.GetBytes(
            $$"""
            <!doctype html>
            <html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{title}}</title>
            <style>:root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1rem}small{opacity:.75}</style>
            <h1>{{title}}</h1>
            <p>{{sentence}}</p>
            <p><small>{{status}} · Duplexity</small></p>
            </html>

            """);
        var response = context.Response;
        response.StatusCode = status;
        response.ContentType = "text/html; charset=utf-8";
        response.ContentLength = page.Length;
        response.Headers.CacheControl = "no-store";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await response.Body.WriteAsync(page, context.RequestAborted);
        }
    }

    private static Task LaterAsync(HttpContext context, string title, string sentence)
    {
        context.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        return WriteAsync(context, StatusCodes.Status503ServiceUnavailable, title, sentence);
    }
}
