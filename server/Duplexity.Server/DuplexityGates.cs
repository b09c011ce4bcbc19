using Duplexity.Server.Pipes;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace Duplexity.Server;

/// <summary>What an application adds to the way of messages, beside gates of its own.</summary>
public static class DuplexityGates
{
    /// <summary>
    /// Who sends to, joins or reads what <paramref name="pattern"/> describes must meet an ASP.NET Core policy of the application: <c>RequirePolicy("room:board-*", "BoardMember")</c>. The policy sees
    /// the claims of the client's token under their own names (<c>sub</c> is the client, <c>role</c> also what <c>roles</c> lists), as an authenticated identity, and as its resource the
    /// <see cref="GateContext"/>. The application itself passes.
    /// </summary>
    /// <param name="builder">The node.</param>
    /// <param name="pattern">Channels; <c>*</c> stands for any run of characters.</param>
    /// <param name="policy">The policy's name. A node does not start with one that <c>AddAuthorization</c> does not know.</param>
    /// <exception cref="ArgumentException">Name or pattern cannot be.</exception>
    public static IDuplexityBuilder RequirePolicy(this IDuplexityBuilder builder, string pattern, string policy)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrWhiteSpace(policy);
        var name = string.Join('-', policy.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        builder.Services.AddAuthorization();
        builder.Services.AddSingleton(GateRegistration.Of(name, Step.Entry, pattern, provider => new PolicyGate(policy, provider.GetRequiredService<IServiceScopeFactory>())));
        builder.Services.AddSingleton(new PolicyName(policy));
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, PolicyCheck>());
        return builder;
    }

    /// <summary>Adds a service that hears what the steps announce. One instance, from the services (a singleton); its queue is bounded, and however slow it is, or whatever it throws, no message waits for it.</summary>
    /// <typeparam name="T">The service.</typeparam>
    /// <param name="builder">The node.</param>
    public static IDuplexityBuilder AddService<T>(this IDuplexityBuilder builder)
        where T : class, IMessageService
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddSingleton<T>();
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IMessageService, T>(provider => provider.GetRequiredService<T>()));
        return builder;
    }

    private sealed record PolicyName(string Value);

    /// <summary>A policy that nobody knows would refuse everything, and only when the first message comes.</summary>
    private sealed class PolicyCheck(IEnumerable<PolicyName> names, IAuthorizationPolicyProvider policies) : IHostedService
    {
        public async Task StartAsync(CancellationToken cancellationToken)
        {
            foreach (var name in names)
            {
                if (await policies.GetPolicyAsync(name.Value) is null)
                {
                    throw new InvalidOperationException($"RequirePolicy names the policy \"{name.Value}\", which AddAuthorization does not know.");
                }
            }
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
