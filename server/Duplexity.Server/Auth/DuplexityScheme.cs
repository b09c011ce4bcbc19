using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Server.Auth;

/// <summary>
/// Adds the scheme <c>Duplexity</c> to the application's schemes by name alone. It is not in the application's <see cref="AuthenticationOptions"/>, because
/// ASP.NET Core makes the only scheme there the default one: registered there, ours would become the default of an application without a scheme, and would
/// end the default of an application with exactly one.
/// </summary>
internal sealed class DuplexityScheme(IAuthenticationSchemeProvider application) : IAuthenticationSchemeProvider
{
    /// <summary>The scheme, and the policy that asks for it.</summary>
    public const string Name = "Duplexity";

    private static readonly AuthenticationScheme Scheme = new(Name, null, typeof(BearerHandler));

    /// <summary>Puts ours in front of whatever provider the application has by now, or ASP.NET Core's own.</summary>
    public static void Decorate(IServiceCollection services)
    {
        if (services.Any(service => service.ServiceType == typeof(DuplexityScheme)))
        {
            return;
        }

        var application = services.Last(service => service.ServiceType == typeof(IAuthenticationSchemeProvider));
        services.AddSingleton(provider => new DuplexityScheme(application switch
        {
            { ImplementationInstance: IAuthenticationSchemeProvider instance } => instance,
            { ImplementationFactory: { } factory } => (IAuthenticationSchemeProvider)factory(provider),
            _ => (IAuthenticationSchemeProvider)ActivatorUtilities.CreateInstance(provider, application.ImplementationType!),
        }));
        services.AddSingleton<IAuthenticationSchemeProvider>(provider => provider.GetRequiredService<DuplexityScheme>());
    }

    public Task<AuthenticationScheme?> GetSchemeAsync(string name) =>
        name == Name ? Task.FromResult<AuthenticationScheme?>(Scheme) : application.GetSchemeAsync(name);

    public Task<IEnumerable<AuthenticationScheme>> GetAllSchemesAsync() => application.GetAllSchemesAsync();

    public Task<IEnumerable<AuthenticationScheme>> GetRequestHandlerSchemesAsync() => application.GetRequestHandlerSchemesAsync();

    public Task<AuthenticationScheme?> GetDefaultAuthenticateSchemeAsync() => application.GetDefaultAuthenticateSchemeAsync();

    public Task<AuthenticationScheme?> GetDefaultChallengeSchemeAsync() => application.GetDefaultChallengeSchemeAsync();

    public Task<AuthenticationScheme?> GetDefaultForbidSchemeAsync() => application.GetDefaultForbidSchemeAsync();

    public Task<AuthenticationScheme?> GetDefaultSignInSchemeAsync() => application.GetDefaultSignInSchemeAsync();

    public Task<AuthenticationScheme?> GetDefaultSignOutSchemeAsync() => application.GetDefaultSignOutSchemeAsync();

    public void AddScheme(AuthenticationScheme scheme)
    {
        RefuseOurs(scheme.Name);
        application.AddScheme(scheme);
    }

    public bool TryAddScheme(AuthenticationScheme scheme)
    {
        RefuseOurs(scheme.Name);
        return application.TryAddScheme(scheme);
    }

    public void RemoveScheme(string name) => application.RemoveScheme(name);

    private static void RefuseOurs(string name)
    {
        if (name == Name)
        {
            throw new InvalidOperationException($"The authentication scheme \"{Name}\" is taken by AddDuplexity().");
        }
    }
}
