using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Cluster;

/// <summary>What the application does with a request: kept, so that one that another node hands on meets the same.</summary>
internal sealed class NodePipeline : IStartupFilter
{
    private volatile RequestDelegate? _whole;

    /// <summary>Null until the application is built.</summary>
    public RequestDelegate? Whole => _whole;

    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(rest => _whole = rest);
        next(app);
    };
}
