using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

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
        services.TryAddSingleton<IRecords>(provider => provider.GetRequiredService<IOptions<DuplexityOptions>>().Value.Data is { Length: > 0 } folder
            ? new SqliteRecords(Path.Combine(provider.GetService<IHostEnvironment>()?.ContentRootPath ?? Environment.CurrentDirectory, folder), provider.GetRequiredService<TimeProvider>())
            : new MemoryRecords(provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton<IRetention>(provider => new DefaultRetention(provider.GetRequiredService<IOptions<DuplexityOptions>>().Value));
        services.TryAddSingleton<IEngine, MemoryEngine>();
        return services;
    }
}
