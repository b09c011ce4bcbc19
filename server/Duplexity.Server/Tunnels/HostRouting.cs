using Duplexity.Server.Backend;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// Hosts before paths: a request for a pipe's host goes to the front and nowhere else, whatever its path; all others go on untouched. A start-up filter, so that it
/// stands before everything in the application, an application's own middleware included (G5).
/// </summary>
internal sealed class HostRouting(PipeUrl url, IServiceHosts service, BackendRegistry backend, HttpFront front, IOptions<DuplexityOptions> options) : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(rest => async context =>
        {
            var host = context.Request.Host;
            var name = host.HasValue ? PipeNames.KeyOf(host.Host) : null;

            // The service's own name stays its own, also where it lies under the pipes' domain.
            if (name is null || service.Contains(host) || !await IsServedAsync(context, name))
            {
                await rest(context);
            }
        });
        next(app);
    };

    /// <summary>Serves a visitor; false: the host is no pipe's.</summary>
    private async Task<bool> IsServedAsync(HttpContext context, string name)
    {
        try
        {
            if (!url.Covers(name) && await backend.LocateAsync(name, context.RequestAborted) is null)
            {
                return false;
            }

            // Where visitors come to fronts, nothing is to be seen of pipes.
            await (options.Value.ServesVisitors ? front.ServeAsync(context, name) : Pages.NotFoundAsync(context));
        }
        catch (DuplexityException e) when (e.Error.Is(Errors.Unavailable) && !context.Response.HasStarted)
        {
            // The engine is away, and only it knows whose the host is.
            await Pages.UnknownAsync(context);
        }

        return true;
    }
}
