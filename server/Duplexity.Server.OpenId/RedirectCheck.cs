using Microsoft.AspNetCore;
using OpenIddict.Abstractions;
using OpenIddict.Server;
using static OpenIddict.Server.OpenIddictServerEvents;

namespace Duplexity.Server.OpenId;

/// <summary>
/// Where a code may be sent: for other programs to a registered address, for the service itself to its own callback under the very address that the browser is at. A node without a configured address has
/// several (localhost, an IP literal, any port), of which no list could be written.
/// </summary>
internal sealed class RedirectCheck(IOpenIddictApplicationManager applications) : IOpenIddictServerHandler<ValidateAuthorizationRequestContext>
{
    public static OpenIddictServerHandlerDescriptor Descriptor { get; } = OpenIddictServerHandlerDescriptor.CreateBuilder<ValidateAuthorizationRequestContext>()
        .UseScopedHandler<RedirectCheck>()
        .SetOrder(OpenIddictServerHandlers.Authentication.ValidateClientRedirectUri.Descriptor.Order)
        .Build();

    public async ValueTask HandleAsync(ValidateAuthorizationRequestContext context)
    {
        if (!await IsGoodAsync(context))
        {
            context.Reject(OpenIddictConstants.Errors.InvalidRequest, "The redirect_uri is not one of this client's.");
        }
    }

    private async Task<bool> IsGoodAsync(ValidateAuthorizationRequestContext context)
    {
        if (context.ClientId == OwnClient.Id)
        {
            var request = context.Transaction.GetHttpRequest()!;
            return context.RedirectUri == $"{request.Scheme}://{request.Host}{request.PathBase.Value![..^OwnClient.Path.Length]}/auth/callback";
        }

        return await applications.FindByClientIdAsync(context.ClientId ?? "", context.CancellationToken) is { } application
            && !string.IsNullOrEmpty(context.RedirectUri) && await applications.ValidateRedirectUriAsync(application, context.RedirectUri, context.CancellationToken);
    }
}
