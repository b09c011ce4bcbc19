using Duplexity.Server.Auth;
using Duplexity.Server.OpenId.Pages;
using Duplexity.Server.OpenId.Storage;
using Duplexity.Server.OpenId.Users;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Duplexity.Server.OpenId;

/// <summary>
/// The provider as a small application inside the application: its own services, schemes, cookies and pipeline, built at start. So neither an ASP.NET Core Identity or OpenIddict of the application's meets ours,
/// nor any middleware of ours an address that is not below <c>/openid</c>. Thread-safe.
/// </summary>
internal sealed class Provider(IServiceProvider application, ProviderKeys keys, Database database, BrowserOrigins origins) : IHostedService, IAsyncDisposable
{
    /// <summary>A form of ours has a password and an address, a token request a code or a token.</summary>
    private const int MaxBodyBytes = 64 * 1024;

    private ServiceProvider? _services;
    private RequestDelegate? _pipeline;

    /// <summary>A scope of the provider's own services.</summary>
    public AsyncServiceScope CreateScope() => Services.CreateAsyncScope();

    private ServiceProvider Services => _services ?? throw new InvalidOperationException("The embedded provider has not started.");

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await keys.StartAsync(cancellationToken);
        _services = ProviderServices.Build(application);
        await using var scope = CreateScope();
        await database.OpenAsync(scope.ServiceProvider.GetRequiredService<OpenIdContext>(), cancellationToken);
        await scope.ServiceProvider.GetRequiredService<Decoy>().MakeAsync(cancellationToken);
        await scope.ServiceProvider.GetRequiredService<RegisteredClients>().WriteAsync(cancellationToken);

        var pipeline = new ApplicationBuilder(_services);
        pipeline.UseAuthentication();
        pipeline.Run(PageTable.RunAsync);
        _pipeline = pipeline.Build();
        _services.GetRequiredService<Pruning>().Start();
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Answers a request below <c>/openid</c>. Inside, it is what the browser sent, whatever a proxy in between made of it, and everything above the provider is its path base.</summary>
    public async Task RunAsync(HttpContext context)
    {
        var request = context.Request;
        var before = context.Features.Get<IServiceProvidersFeature>();
        var (scheme, host, pathBase, path) = (request.Scheme, request.Host, request.PathBase, request.Path);
        var own = new Uri(origins.Own(request));
        var whole = $"{request.PathBase}{request.Path}/";
        var at = whole.LastIndexOf(OwnClient.Path + "/", StringComparison.OrdinalIgnoreCase) + OwnClient.Path.Length;
        await using var scope = CreateScope();
        context.Features.Set<IServiceProvidersFeature>(new Inside(scope.ServiceProvider));
        context.User = new();
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = MaxBodyBytes;
        }

        (request.Scheme, request.Host, request.PathBase, request.Path) = (own.Scheme, HostString.FromUriComponent(own), whole[..at], whole[at..^1]);
        try
        {
            if (own.Scheme != "https" && !ServiceHosts.IsLoopback(own.Host))
            {
                await SignInPages.SayAsync(context, StatusCodes.Status400BadRequest, "Not over plain http", "Signing in needs https (or a browser on the same machine). Tell the operator to set Duplexity:Url.");
                return;
            }

            await _pipeline!(context);

            // What waits for the answer to begin uses the services of this scope: it begins within it.
            await context.Response.StartAsync(context.RequestAborted);
        }
        finally
        {
            (request.Scheme, request.Host, request.PathBase, request.Path) = (scheme, host, pathBase, path);
            context.Features.Set(before);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_services is not null)
        {
            await _services.DisposeAsync();
            using var connection = new SqliteConnection(database.ConnectionString);
            SqliteConnection.ClearPool(connection);
        }
    }

    private sealed record Inside(IServiceProvider RequestServices) : IServiceProvidersFeature
    {
        public IServiceProvider RequestServices { get; set; } = RequestServices;
    }
}
