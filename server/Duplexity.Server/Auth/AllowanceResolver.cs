using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Duplexity.Server.Pipes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;

namespace Duplexity.Server.Auth;

/// <summary>
/// What a token's bearer may do. Member by member: what the token's own claim says, else what its roles are given by configuration, else the default. Thread-safe.
/// </summary>
internal sealed class AllowanceResolver(IOptions<DuplexityOptions> options, IHostEnvironment environment)
{
    private static readonly string[] All = ["*"];

    /// <summary>Reads the claim <c>duplexity</c>; null where there is none. False, with what is wrong with it, where it cannot be read: such a token is refused, for a limit that is not understood is no limit.</summary>
    public static bool TryReadClaim(JsonWebToken token, out Allowances? allowances, [NotNullWhen(false)] out string? problem)
    {
        (allowances, problem) = (null, null);
        if (!token.TryGetPayloadValue<JsonElement>(AllowanceClaim.Name, out var claim))
        {
            if (token.TryGetClaim(AllowanceClaim.Name, out _))
            {
                problem = "is not an object";
            }

            return problem is null;
        }

        try
        {
            allowances = claim.Deserialize<Allowances>(AllowanceClaim.Json);
        }
        catch (JsonException)
        {
            problem = "is not what PROTOCOL.md describes";
            return false;
        }

        problem = allowances is null ? "is null" : AllowanceSets.Problem(allowances);
        return problem is null;
    }

    /// <summary>What a client of these roles may do, every scope filled in.</summary>
    public Allowances Resolve(IReadOnlyCollection<string> roles, Allowances? claim)
    {
        var configured = options.Value.Allowances;
        Allowances? ofRoles = null;
        foreach (var role in roles.Append(AllowanceRules.Everybody))
        {
            if (configured.TryGetValue(role, out var given))
            {
                ofRoles = ofRoles is null ? given : AllowanceSets.Union(ofRoles, given);
            }
        }

        return AllowanceSets.Or(claim, AllowanceSets.Or(ofRoles, Default(roles)));
    }

    private Allowances Default(IReadOnlyCollection<string> roles)
    {
        var isAdministrator = roles.Contains(options.Value.Auth.AdminRole);
        var publish = options.Value.Pipes.Publish;
        var publishes = isAdministrator || (publish.Count == 0 ? environment.IsDevelopment() : publish.Any(role => role == AllowanceRules.Everybody || roles.Contains(role)));
        return new() { Send = All, Receive = All, Join = All, Publish = publishes ? All : [], Administer = isAdministrator ? All : [] };
    }
}
