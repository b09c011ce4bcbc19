using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Server.Pipes;

/// <summary>Entry: an ASP.NET Core policy of the application is met by the client's claims. The application itself has none, and passes. Thread-safe.</summary>
internal sealed class PolicyGate(string policy, IServiceScopeFactory scopes) : IGate
{
    public async ValueTask<GateResult> CheckAsync(GateContext context, CancellationToken ct)
    {
        if (context.IsServer)
        {
            return GateResult.Pass;
        }

        // Handlers may be scoped, as those that ask a database are.
        await using var scope = scopes.CreateAsyncScope();
        var result = await scope.ServiceProvider.GetRequiredService<IAuthorizationService>().AuthorizeAsync(context.Principal, context, policy);
        return result.Succeeded ? GateResult.Pass : GateResult.Refuse($"The policy {policy} is not met.");
    }
}
