using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Duplexity.Server.Engine;

/// <summary>Registers the default engine.</summary>
internal static class EngineServices
{
    /// <summary>Adds the memory engine, unless the application has named another one.</summary>
    internal static IServiceCollection AddDuplexityEngine(this IServiceCollection services)
    {
        services.AddOptions();
        services.AddLogging();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IEngine, MemoryEngine>();
        return services;
    }
}
