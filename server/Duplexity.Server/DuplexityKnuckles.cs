using Duplexity.Server.Pipes.Cooked;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Duplexity.Server;

/// <summary>What an application adds to the graph of message pipes.</summary>
public static class DuplexityKnuckles
{
    /// <summary>Adds a knuckle, behind those that were added before. One instance, from the services (a singleton, unless <typeparamref name="T"/> is registered already), serves the node.</summary>
    /// <typeparam name="T">The knuckle.</typeparam>
    /// <param name="builder">The node.</param>
    /// <param name="pattern">The channels at which it stands: pipes that read what this describes, such as <c>room:orders-*</c>, ask it.</param>
    /// <exception cref="ArgumentException">The pattern cannot be one.</exception>
    public static IDuplexityBuilder AddKnuckle<T>(this IDuplexityBuilder builder, string pattern)
        where T : class, IKnuckle
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddSingleton<T>();
        builder.Services.AddSingleton(KnuckleRegistration.Of(typeof(T).Name, pattern, provider => provider.GetRequiredService<T>()));
        return builder;
    }
}
