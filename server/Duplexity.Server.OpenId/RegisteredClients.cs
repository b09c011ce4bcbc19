using Microsoft.Extensions.Options;
using OpenIddict.Abstractions;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace Duplexity.Server.OpenId;

/// <summary>The programs at which people may sign in with this provider: the service itself, and those of the settings. The settings decide: what is not in them any more is taken out at start.</summary>
internal sealed class RegisteredClients(IOpenIddictApplicationManager applications, IOptions<DuplexityOptions> duplexity, IOptions<OpenIdOptions> options)
{
    public async Task WriteAsync(CancellationToken ct)
    {
        var clients = options.Value.Clients.Select(client => Other(client.Key, client.Value)).Append(Own()).ToDictionary(client => client.ClientId!, StringComparer.Ordinal);
        var there = new List<object>();
        await foreach (var application in applications.ListAsync(cancellationToken: ct))
        {
            there.Add(application);
        }

        foreach (var application in there)
        {
            if (clients.Remove((await applications.GetClientIdAsync(application, ct))!, out var wanted))
            {
                await applications.UpdateAsync(application, wanted, ct);
            }
            else
            {
                await applications.DeleteAsync(application, ct);
            }
        }

        foreach (var added in clients.Values)
        {
            await applications.CreateAsync(added, ct);
        }
    }

    private OpenIddictApplicationDescriptor Own()
    {
        // Whoever runs the node is asked nothing about the node: its consent is implied.
        var own = Descriptor(OwnClient.Id, OwnClient.Secret, "Duplexity", ConsentTypes.Implicit);
        own.RedirectUris.Add(new Uri($"{duplexity.Value.Auth.Oidc.Authority![..^OwnClient.Path.Length]}/auth/callback"));
        return own;
    }

    private static OpenIddictApplicationDescriptor Other(string id, OpenIdClient client)
    {
        var other = Descriptor(id, client.Secret, client.Name ?? id, ConsentTypes.Explicit);
        other.RedirectUris.UnionWith(client.Redirects.Select(redirect => new Uri(redirect)));
        return other;
    }

    private static OpenIddictApplicationDescriptor Descriptor(string id, string? secret, string name, string consent)
    {
        var descriptor = new OpenIddictApplicationDescriptor
        {
            ClientId = id,
            ClientSecret = secret,
            ClientType = secret is null ? ClientTypes.Public : ClientTypes.Confidential,
            DisplayName = name,
            ConsentType = consent,
        };
        descriptor.Permissions.UnionWith(
        [
            Permissions.Endpoints.Authorization, Permissions.Endpoints.Token, Permissions.GrantTypes.AuthorizationCode, Permissions.GrantTypes.RefreshToken,
            Permissions.ResponseTypes.Code, Permissions.Scopes.Profile, Permissions.Scopes.Roles,
        ]);
        return descriptor;
    }
}
