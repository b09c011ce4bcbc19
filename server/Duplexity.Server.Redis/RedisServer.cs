using Duplexity.Server.Engine;
using Duplexity.Server.Redis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server;

/// <summary>Redis as the engine, for several nodes.</summary>
public static class RedisServer
{
    /// <summary>
    /// Keeps in Redis what nodes share: messages, presence, public names, one-time secrets, records and locks. All nodes of a service name the same Redis and prefix. The node does not start where Redis cannot be reached, or is
    /// one that could not keep what receipts say (a Redis Cluster, a replica, a <c>maxmemory-policy</c> that evicts); the exception says what to change. Settings come from the section <c>Duplexity:Redis</c>.
    /// </summary>
    /// <param name="builder">The node.</param>
    /// <param name="connection">Where Redis is, as <see cref="RedisOptions.Connection"/>; null: as the settings say.</param>
    /// <param name="configure">Wins over the settings.</param>
    public static IDuplexityBuilder AddRedis(this IDuplexityBuilder builder, string? connection = null, Action<RedisOptions>? configure = null)
    {
        var services = builder.Services;
        services.AddOptions<RedisOptions>().BindConfiguration(RedisOptions.Section).Configure(options =>
        {
            options.Connection = connection ?? options.Connection;
            configure?.Invoke(options);
        }).ValidateOnStart();
        if (services.Any(s => s.ServiceType == typeof(RedisLink)))
        {
            return builder;
        }

        services.Configure<DuplexityOptions>(options => options.LogIsElsewhere = true);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<RedisOptions>, RedisOptionsCheck>());
        services.AddSingleton(provider => new RedisLink(provider.GetRequiredService<IOptions<RedisOptions>>().Value, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<RedisRecords>();
        services.AddSingleton(provider => new RedisEngine(
            provider.GetRequiredService<RedisLink>(),
            provider.GetRequiredService<RedisRecords>(),
            provider.GetRequiredService<Node>().Name,
            provider.GetRequiredService<DuplexityOptions>(),
            provider.GetRequiredService<IRetention>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<RedisEngine>>()));
        services.Replace(ServiceDescriptor.Singleton<IRecords>(provider => provider.GetRequiredService<RedisRecords>()));
        services.Replace(ServiceDescriptor.Singleton<IEngine>(provider => provider.GetRequiredService<RedisEngine>()));

        // Before every other part of the node: they read from the engine when they start, and write to it when they stop.
        services.Insert(0, ServiceDescriptor.Singleton<IHostedService, RedisStart>());
        return builder;
    }
}
