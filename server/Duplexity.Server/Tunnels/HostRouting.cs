using Duplexity.Server.Backend;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

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
            if (name is not null && !service.Contains(host) && (url.Covers(name) || await backend.LocateAsync(name, context.RequestAborted) is not null))
            {
                await front.ServeAsync(context, name);
            }
            else
            {
                await rest(context);
            }
        });
        next(app);
    };
}
