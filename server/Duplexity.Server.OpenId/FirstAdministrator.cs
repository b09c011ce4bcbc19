using Duplexity.Server.Auth;
using Duplexity.Server.OpenId.Users;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.OpenId;

/// <summary>While a node has no administrator, each start prints a link that makes one: to the console, and not to the log, which others read.</summary>
internal sealed class FirstAdministrator(
    Provider provider, Links links, IHostApplicationLifetime lifetime, IServiceProvider services, IOptions<DuplexityOptions> duplexity, IOptions<OpenIdOptions> options, ILogger<FirstAdministrator> logger) : IHostedService
{
    private readonly TaskCompletionSource<Uri?> _link = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationTokenRegistration _started;

    /// <summary>The link, once the node listens; null: there is an administrator.</summary>
    public Task<Uri?> Link => _link.Task;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        // The address is known when the node listens.
        _started = lifetime.ApplicationStarted.Register(() => _ = PrintAsync());
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _started.Dispose();
        return Task.CompletedTask;
    }

    private async Task PrintAsync()
    {
        try
        {
            await using var scope = provider.CreateScope();
            if (await scope.ServiceProvider.GetRequiredService<UserDirectory>().HasAdministratorAsync())
            {
                _link.TrySetResult(null);
                return;
            }

            var (token, _) = await links.MakeAsync(new Link(null, null), options.Value.FirstAdministrator, lifetime.ApplicationStopping);
            var link = new Uri($"{Address()}/first?token={token}");
            Log.NoAdministrator(logger);
            Console.WriteLine($"There is no administrator yet. Within {options.Value.FirstAdministrator.TotalMinutes:0} minutes, open this link and choose a name and a password:\n  {link}");
            _link.TrySetResult(link);
        }
        catch (Exception e)
        {
            // A node that stops while it starts; or the link could not be kept, and whoever waits for it is told so by the log.
            _link.TrySetException(e);
            if (!lifetime.ApplicationStopping.IsCancellationRequested)
            {
                Log.NoFirstLink(logger, e);
            }
        }
    }

    private string Address()
    {
        var issuer = duplexity.Value.Auth.Oidc.Authority!;
        if (duplexity.Value.Url is not null || services.GetService<IServer>()?.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault() is not { } listening)
        {
            return issuer;
        }

        // Of "any address", the one that this machine's browser reaches.
        var uri = new UriBuilder(listening.Replace("//+", "//localhost", StringComparison.Ordinal).Replace("//*", "//localhost", StringComparison.Ordinal));
        uri.Host = uri.Host is "0.0.0.0" or "[::]" ? "localhost" : uri.Host;
        return uri.Uri.GetLeftPart(UriPartial.Authority) + issuer[OwnKeys.IssuerOf(duplexity.Value).Length..];
    }
}
