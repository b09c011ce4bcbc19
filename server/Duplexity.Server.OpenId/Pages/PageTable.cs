using Duplexity.Server.Auth;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Server.OpenId.Pages;

/// <summary>What lies below <c>/openid</c> for a browser, beside what OpenIddict answers itself.</summary>
internal static class PageTable
{
    public static Task RunAsync(HttpContext context)
    {
        var services = context.RequestServices;
        var isPost = HttpMethods.IsPost(context.Request.Method);
        if (!isPost && !HttpMethods.IsGet(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            context.Response.Headers.Allow = "GET, POST";
            return Task.CompletedTask;
        }

        return context.Request.Path.Value switch
        {
            "/authorize" => services.GetRequiredService<AuthorizePage>().AnswerAsync(context),
            "/token" => services.GetRequiredService<TokenEndpoint>().AnswerAsync(context),
            "/sign-in" => services.GetRequiredService<SignInPage>().AnswerAsync(context, isPost),
            "/sign-out" => services.GetRequiredService<SignOutPage>().AnswerAsync(context, isPost),
            "/invitation" => services.GetRequiredService<InvitationPage>().AnswerAsync(context, isPost),
            "/first" => services.GetRequiredService<FirstPage>().AnswerAsync(context, isPost),
            _ => SignInPages.SayAsync(context, StatusCodes.Status404NotFound, "Nothing here", "There is no such page."),
        };
    }
}
