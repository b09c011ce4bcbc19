using Duplexity.Server.Backend;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// Hosts before paths: a request for a pipe's host goes to the front and nowhere else, whatever its path; all others go on untouched. A start-up filter, so that it
/// stands before everything in the application, an application's own middleware included (G5).
/// </summary>
internal sealed class HostRouting(PipeUrl url, IServiceHosts service, BackendRegistry backend, HttpFront front) : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(rest => async context =>
        {
            var host = context.Request.Host;
            var name = host.HasValue ? PipeNames.KeyOf(host.Host) : null;

            // The service's own name stays its own, also where it lies under the pipes' domain.
            if (name is null || service.Contains(host) || !await TryServeAsync(context, name))
            {
                await rest(context);
            }
        });
        next(app);
    };

    /// <summary>False: the host is no pipe's.</summary>
    private async Task<bool> TryServeAsync(HttpContext context, string name)
    {
        try
        {
            if (!url.Covers(name) && await backend.LocateAsync(name, context.RequestAborted) is null)
            {
                return false;
            }

            await front.ServeAsync(context, name);
        }
        catch (DuplexityException e) when (e.Kind == ErrorKind.Unavailable && !context.Response.HasStarted)
        {
            // The engine is away, and only it knows whose the host is.
            await Pages.UnknownAsync(context);
        }

        return true;
    }
}
