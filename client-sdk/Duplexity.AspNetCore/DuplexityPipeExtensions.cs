using Duplexity.AspNetCore;
using Duplexity.AspNetCore.Identities;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace Duplexity;

/// <summary>Gives an ASP.NET Core application a public address, and tells it who visits.</summary>
public static class DuplexityPipeExtensions
{
    /// <summary>As <see cref="AddDuplexityPipe(IServiceCollection, string?, Action{DuplexityPipeOptions}?)"/>.</summary>
    public static IHostApplicationBuilder AddDuplexityPipe(this IHostApplicationBuilder builder, string? name, Action<DuplexityPipeOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddDuplexityPipe(name, configure);
        return builder;
    }

    /// <summary>
    /// Opens a public pipe to the application once it has started, logs its address, and closes it before the application stops. The start never waits for the service nor fails with it: where the service is away, or
    /// refuses, it is asked again.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="name">A label under the service's domain (<c>cat1</c>), or a whole hostname; null: one is made up. Several calls open several pipes.</param>
    /// <param name="configure">See <see cref="DuplexityPipeOptions"/>.</param>
    public static IServiceCollection AddDuplexityPipe(this IServiceCollection services, string? name, Action<DuplexityPipeOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddLogging();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<OpenPipes>();
        services.TryAddSingleton<PipeServer>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IStartupFilter, ForwardedFilter>());
        var options = new DuplexityPipeOptions();
        configure?.Invoke(options);
        services.AddSingleton<IHostedService>(provider => ActivatorUtilities.CreateInstance<PipeService>(provider, new PipeOrder(name, options)));
        return services;
    }

    /// <summary>
    /// Adds the authentication scheme <see cref="DuplexityIdentityDefaults.Scheme"/>: a request that carries a valid assertion of who the visitor is (<c>Duplexity-Identity</c>) is that client's, and any other is
    /// nobody's.
    /// </summary>
    /// <param name="builder">From <c>AddAuthentication()</c>.</param>
    /// <param name="configure">See <see cref="DuplexityIdentityOptions"/>.</param>
    public static AuthenticationBuilder AddDuplexityPipe(this AuthenticationBuilder builder, Action<DuplexityIdentityOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddSingleton<OpenPipes>();
        builder.Services.TryAddSingleton<PipeServer>();
        builder.Services.TryAddSingleton<AssertionKeys>();
        return builder.AddScheme<DuplexityIdentityOptions, DuplexityIdentityHandler>(DuplexityIdentityDefaults.Scheme, configure);
    }
}
