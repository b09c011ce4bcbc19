using Duplexity.Server.Auth;
using Duplexity.Server.OpenId.Users;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Server.OpenId;

/// <summary>
/// <c>/openid/users</c>: for who may administer everybody, and was signed in as a person. Less would be a way up: whoever can give a link for an administrator, or a role, has it.
/// </summary>
internal sealed class UserEndpoints(Provider provider, BrowserOrigins origins)
{
    private delegate Task<(UserInfo? User, DuplexityError? Error)> Change(UserDirectory users, string? name, string by, CancellationToken ct);

    public void Map(IEndpointRouteBuilder openId)
    {
        openId.MapService("GET POST", "/users", AnswerAsync);
        MapChange(openId, "disable", (users, name, by, ct) => users.DisableAsync(name, by, ct));
        MapChange(openId, "enable", (users, name, by, ct) => users.EnableAsync(name, by, ct));
        MapChange(openId, "remove", (users, name, by, ct) => users.RemoveAsync(name, by, ct));
        MapChange(openId, "reset", (users, name, by, ct) => users.ResetAsync(name, by, ct));
    }

    private void MapChange(IEndpointRouteBuilder openId, string what, Change change) => openId.MapService("POST", $"/users/{what}", async context =>
    {
        if (await DeniedAsync(context))
        {
            return;
        }

        if (await AuthRequests.ReadAsync<Named>(context) is not { Name: { } name })
        {
            await AuthRequests.RefuseAsync(context, "Send {\"name\": NAME}.");
            return;
        }

        await using var scope = provider.CreateScope();
        await AnswerAsync(context, await change(scope.ServiceProvider.GetRequiredService<UserDirectory>(), name, Caller(context), context.RequestAborted));
    });

    private async Task AnswerAsync(HttpContext context)
    {
        if (await DeniedAsync(context))
        {
            return;
        }

        await using var scope = provider.CreateScope();
        var users = scope.ServiceProvider.GetRequiredService<UserDirectory>();
        if (HttpMethods.IsGet(context.Request.Method))
        {
            await AuthRequests.AnswerAsync(context, new { users = await users.ListAsync(context.RequestAborted) });
            return;
        }

        if (await AuthRequests.ReadAsync<Adding>(context) is not { Name: { } name } asked)
        {
            await AuthRequests.RefuseAsync(context, "Send {\"name\": NAME, \"roles\"?: [ROLE, …], \"password\"?: PASSWORD}.");
            return;
        }

        await AnswerAsync(context, await users.AddAsync(name, asked.Roles ?? [], asked.Password, Caller(context), context.RequestAborted));
    }

    private async Task AnswerAsync(HttpContext context, (UserInfo? User, DuplexityError? Error) result)
    {
        if (result.Error is { } error)
        {
            await AuthRequests.RefuseAsync(context, error);
            return;
        }

        if (result.User is not { } user)
        {
            await AuthRequests.AnswerAsync(context, new { error = DuplexityError.Of(Errors.InvalidRequest, "There is no user of that name.") }, StatusCodes.Status404NotFound);
            return;
        }

        await AuthRequests.AnswerAsync(context, user.Link is { } token ? user with { Link = $"{Base(context)}/invitation?token={token}" } : user);
    }

    private static async Task<bool> DeniedAsync(HttpContext context)
    {
        var caller = context.Features.Get<Identity>()!;
        var denied = caller.KeyId is { } id && ApiKeys.IsKey(id)
            ? DuplexityError.Of(Errors.Denied, "A key adds or changes no users: they would outlive its own removal. Sign in.")
            : new AllowanceRules(caller.Allowances).DeniesAdministering(AllowanceRules.Everybody);
        if (denied is not null)
        {
            await AuthRequests.RefuseAsync(context, denied);
        }

        return denied is not null;
    }

    private static string Caller(HttpContext context) => context.Features.Get<Identity>()!.Client;

    /// <summary>Where browsers reach the provider.</summary>
    private string Base(HttpContext context)
    {
        var path = $"{context.Request.PathBase}{context.Request.Path}";
        return origins.Own(context.Request) + path[..(path.LastIndexOf(OwnClient.Path + "/", StringComparison.OrdinalIgnoreCase) + OwnClient.Path.Length)];
    }

    private sealed record Named(string? Name);

    private sealed record Adding(string? Name, string[]? Roles, string? Password);
}
