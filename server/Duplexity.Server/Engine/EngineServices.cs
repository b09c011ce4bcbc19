using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Engine;

/// <summary>Registers the embedded engine: what its options say is on disk, the rest in memory.</summary>
internal static class EngineServices
{
    /// <summary>Adds the embedded engine, unless the application has named another one.</summary>
    internal static IServiceCollection AddDuplexityEngine(this IServiceCollection services)
    {
        services.AddOptions();
        services.AddLogging();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DuplexityOptions>, DurabilityCheck>());
        services.TryAddSingleton<IRecords>(provider => DataFolder(provider) is { } folder
            ? new SqliteRecords(folder, provider.GetRequiredService<TimeProvider>(), Options(provider).Limits)
            : new MemoryRecords(provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton<IRetention>(provider => new DefaultRetention(Options(provider)));
        services.TryAddSingleton<IEngine>(Engine);
        return services;
    }

    private static EmbeddedEngine Engine(IServiceProvider provider)
    {
        var options = Options(provider);
        var level = DurabilityCheck.LevelOf(options);
        return level == ReceiptLevel.Accepted
            ? ActivatorUtilities.CreateInstance<EmbeddedEngine>(provider)
            : new EmbeddedEngine(provider.GetRequiredService<TimeProvider>(), options, Log(provider, level), provider.GetRequiredService<IRecords>(), provider.GetRequiredService<ILogger<EmbeddedEngine>>());
    }

    private static SqliteMessageLog Log(IServiceProvider provider, ReceiptLevel level) => new(
        DataFolder(provider)!, level, provider.GetRequiredService<TimeProvider>(), Options(provider), provider.GetRequiredService<IRetention>(), provider.GetRequiredService<ILogger<SqliteMessageLog>>());

    private static string? DataFolder(IServiceProvider provider) => Options(provider).Data is { Length: > 0 } folder
        ? Path.Combine(provider.GetService<IHostEnvironment>()?.ContentRootPath ?? Environment.CurrentDirectory, folder)
        : null;

    private static DuplexityOptions Options(IServiceProvider provider) => provider.GetRequiredService<IOptions<DuplexityOptions>>().Value;
}
