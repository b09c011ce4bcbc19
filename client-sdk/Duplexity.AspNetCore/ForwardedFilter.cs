using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Duplexity.AspNetCore;

/// <summary>Shows the application the visitor's scheme, host and address, for requests that came through its own pipes and for no others. Runs before all else.</summary>
internal sealed class ForwardedFilter(OpenPipes pipes) : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(async (context, rest) =>
        {
            if (pipes.Of(context.Connection) is not { } through)
            {
                await rest(context);
                return;
            }

            context.Features.Set(new CameThrough(through.Pipe, through.Server));
            if (through.Order.Options.ForwardedHeaders)
            {
                Apply(context, through.Order.Options.Proxies);
            }

            through.Order.Enter();
            try
            {
                await rest(context);
            }
            finally
            {
                through.Order.Leave();
            }
        });
        next(app);
    };

    private static void Apply(HttpContext context, int proxies)
    {
        var headers = context.Request.Headers;
        if (headers["X-Forwarded-Proto"] is [("http" or "https") and { } scheme])
        {
            context.Request.Scheme = scheme;
        }

        if (headers["X-Forwarded-Host"] is [{ Length: > 0 } host] && !host.Contains(','))
        {
            context.Request.Host = new HostString(host);
        }

        // Each hop has appended whom it saw; further to the left stands what visitors wrote themselves.
        var hops = string.Join(',', headers["X-Forwarded-For"].ToArray()).Split(',', StringSplitOptions.TrimEntries);
        if (hops.Length > proxies && IPAddress.TryParse(hops[^(proxies + 1)], out var address))
        {
            context.Connection.RemoteIpAddress = address;
            context.Connection.RemotePort = 0;
        }
    }
}

/// <summary>On a request: through which pipe it came. The connection's own address is the visitor's from then on.</summary>
internal sealed record CameThrough(Pipe Pipe, Uri Server);
