using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>What tells who somebody is, as services.</summary>
internal static class AuthServices
{
    /// <summary>Adds the scheme and the policy <c>Duplexity</c> and everything behind them; the application's own schemes and default stay as they are.</summary>
    public static IServiceCollection AddDuplexityAuth(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddOptions<DuplexityOptions>().ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DuplexityOptions>, AuthOptionsCheck>());

        services.TryAddSingleton<OwnKeys>();
        services.AddHostedService(provider => provider.GetRequiredService<OwnKeys>());
        services.TryAddSingleton<PeerAddresses>();
        services.TryAddSingleton<Sealing>();
        services.TryAddSingleton<ISealing>(provider => provider.GetRequiredService<Sealing>());
        services.TryAddSingleton<TrustedIssuers>();
        services.TryAddSingleton<AllowanceResolver>();
        services.TryAddSingleton<TokenReader>();
        services.AddSingleton<INodeCall, WhoCall>();
        services.TryAddSingleton<TokenIssuer>();
        services.TryAddSingleton<AccessTokens>();
        services.TryAddSingleton<IOidcBackchannel, OidcBackchannel>();
        services.TryAddSingleton<OidcProvider>();
        services.TryAddSingleton<Grants>();
        services.TryAddSingleton<PageCodes>();
        services.TryAddSingleton<ApiKeys>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IBelongings, Grants>(provider => provider.GetRequiredService<Grants>()));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IBelongings, ApiKeys>(provider => provider.GetRequiredService<ApiKeys>()));
        services.TryAddSingleton<Leavings>();
        services.TryAddSingleton<SignIns>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<ISystemListener, SignIns>(provider => provider.GetRequiredService<SignIns>()));
        services.TryAddSingleton<SignInEndpoints>();
        services.TryAddSingleton<VisitorSignIn>();
        services.TryAddSingleton<Assertions>();
        services.TryAddSingleton<ClientEnds>();
        services.TryAddSingleton<TokenEndpoints>();
        services.AddAuthentication();
        DuplexityScheme.Decorate(services);
        services.AddAuthorizationBuilder().AddPolicy(DuplexityScheme.Name, policy => policy.AddAuthenticationSchemes(DuplexityScheme.Name).RequireAuthenticatedUser());

        services.TryAddSingleton<IServiceHosts, ServiceHosts>();
        services.TryAddSingleton<BrowserOrigins>();
        services.AddRouting();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<MatcherPolicy, ServiceEndpointPolicy>());

        // Tickets are good for half a minute: where a node is alone, keys that die with it are the safest place for that.
        services.TryAddKeyedSingleton<IDataProtectionProvider>(DiscoverTickets.Keys, (provider, _) =>
            provider.GetRequiredService<IEngine>().Lease is null ? new EphemeralDataProtectionProvider() : provider.GetRequiredService<Sealing>().For(DiscoverTickets.Keys));
        services.TryAddSingleton<DiscoverTickets>();

        services.TryAddSingleton<DevelopmentIdentity>();
        services.AddHostedService<DevelopmentSecretFile>();
        return services;
    }
}
