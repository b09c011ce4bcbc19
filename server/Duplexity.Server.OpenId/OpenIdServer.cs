using Duplexity.Server.Auth;
using Duplexity.Server.OpenId;
using Duplexity.Server.OpenId.Storage;
using Duplexity.Server.OpenId.Users;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Duplexity.Server;

/// <summary>The embedded OpenID provider, for those who have none of their own.</summary>
public static class OpenIdServer
{
    /// <summary>
    /// Adds an OpenID provider to the node: sign-in pages below <c>/openid</c>, users in the data folder (<c>duplexity user add NAME</c>). It has services, cookies and keys of its own; an ASP.NET Core Identity
    /// or OpenIddict of the application's is not touched. Settings come from the section <c>Duplexity:OpenId</c>; <paramref name="configure"/> wins over them.
    /// </summary>
    public static IDuplexityBuilder AddOpenId(this IDuplexityBuilder builder, Action<OpenIdOptions>? configure = null)
    {
        var services = builder.Services;
        services.AddOptions<OpenIdOptions>().BindConfiguration(OpenIdOptions.Section).Configure(configure ?? (_ => { })).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DuplexityOptions>, OpenIdOptionsCheck>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<OpenIdOptions>, OpenIdOptionsCheck>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IPostConfigureOptions<DuplexityOptions>, OwnClient>());
        services.TryAddSingleton<OwnClient>();

        // One for the tests to count by; the type is ours, so that it is nobody else's hasher.
        services.TryAddSingleton<IPasswordHasher<OpenIdUser>>(new PasswordHasher<OpenIdUser>(Options.Create(new PasswordHasherOptions { IterationCount = PasswordChecks.Iterations })));
        services.TryAddSingleton<Database>();
        services.TryAddSingleton<KeptKeys>();
        services.TryAddSingleton<ProviderKeys>();
        services.TryAddSingleton<FailedAttempts>();
        services.TryAddSingleton<Links>();
        services.TryAddSingleton<Provider>();
        services.TryAddSingleton<UserEndpoints>();
        services.TryAddSingleton<FirstAdministrator>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IDuplexityEndpoints, OpenIdEndpoints>());
        services.Replace(ServiceDescriptor.Singleton<IOidcBackchannel, Backchannel>());
        services.AddHostedService(provider => provider.GetRequiredService<Provider>());
        services.AddHostedService(provider => provider.GetRequiredService<FirstAdministrator>());
        return builder;
    }
}
