using Duplexity.Server.Auth;
using Duplexity.Server.Cluster;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Duplexity.Server;

/// <summary>
/// The composition root of a front: a server for the visitors of public pipes and for the carriers that serve them, and for nothing else. It has no engine, no data folder and nobody's keys; what it has to know it asks the nodes
/// (<see cref="DuplexityOptions.Front"/>).
/// </summary>
public static class DuplexityFront
{
    private const string Elsewhere = "This is a front: it serves the visitors of public pipes. The service is at another address.\n";

    /// <summary>
    /// Adds a front to the application, in the place of <see cref="DuplexityServer.AddDuplexity"/>. Settings come from the section <c>Duplexity</c>; <paramref name="configure"/> wins over them. Called again, it adds that call's
    /// <paramref name="configure"/> and nothing else.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Has the last word on the settings, the role apart.</param>
    public static IServiceCollection AddDuplexityFront(this IServiceCollection services, Action<DuplexityOptions>? configure = null)
    {
        if (services.Any(s => s.ServiceType == typeof(FrontLedger)))
        {
            return services.Configure(configure ?? (_ => { }));
        }

        services.AddOptions<DuplexityOptions>().BindConfiguration(DuplexityOptions.Section).Configure(configure ?? (_ => { })).PostConfigure(options => options.Roles = NodeRoles.Front).ValidateOnStart();
        services.TryAddSingleton(provider => provider.GetRequiredService<IOptions<DuplexityOptions>>().Value);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<Node>();
        services.AddMetrics();
        services.TryAddSingleton<Metrics>();
        services.AddHostedService<FrontGauges>();

        services.AddDuplexityFrontCluster();
        services.AddDuplexityFrontTunnels();
        services.TryAddSingleton<IServiceHosts, ServiceHosts>();
        services.AddRouting();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<MatcherPolicy, ServiceEndpointPolicy>());
        return services;
    }

    /// <summary>
    /// Maps a front's endpoints below <paramref name="prefix"/>, which is the nodes': <c>/data/carry</c>, and a 404 in words where the service would be. They answer on the service's own hosts only.
    /// </summary>
    /// <param name="routes">The application's endpoints.</param>
    /// <param name="prefix">As the nodes have it.</param>
    public static IEndpointConventionBuilder MapDuplexityFront(this IEndpointRouteBuilder routes, string prefix = "")
    {
        var group = routes.MapGroup(prefix);
        string[] elsewhere = ["control", "data", "data/dial", "auth/{**rest}", "api/{**rest}"];
        return new EndpointGroup([group.MapDuplexityFrontTunnels().OnServiceHosts(), .. elsewhere.Select(path => group.Map(path, SayElsewhereAsync).OnServiceHosts())]);
    }

    /// <summary>Hosts before paths (G5): elsewhere the endpoint does not exist.</summary>
    internal static TBuilder OnServiceHosts<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder
    {
        builder.Add(endpoint =>
        {
            endpoint.Metadata.Add(new ServiceEndpoint());
            endpoint.Metadata.Add(new AllowAnonymousAttribute()); // the application's policies are about its own users
        });
        return builder;
    }

    private static Task SayElsewhereAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(Elsewhere, context.RequestAborted);
    }
}
