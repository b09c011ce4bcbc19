using System.Net;
using Duplexity.Server.Pipes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>Refuses to start with settings under which nobody, or somebody else, could sign in; each refusal says what to set.</summary>
internal sealed class AuthOptionsCheck(IHostEnvironment environment) : IValidateOptions<DuplexityOptions>
{
    private const string NoIssuer =
        """
        Outside Development a node needs to know whose tokens it may accept, and none is configured. The simplest way, with users of its own (duplexity user add NAME):

            Duplexity__Auth__Embedded=true

        Or let people sign in through an OpenID provider:

            Duplexity__Auth__Oidc__Authority=https://id.example.org
            Duplexity__Auth__Oidc__ClientId=duplexity
            Duplexity__Auth__Oidc__ClientSecret=<as the provider gave it>

        Or set the key that your application's back end signs tokens with:

            Duplexity__Auth__Keys__app__Issuer=https://app.example.org
            Duplexity__Auth__Keys__app__Secret=<at least 32 bytes, such as the output of: openssl rand -base64 48>

        (or __Pem, a public key, or __Jwks, the https address of a key set). Or, where only IDuplexity.CreateToken makes tokens, set the service's own key:

            Duplexity__Auth__SigningKey=<at least 32 bytes, or the path of a private key in PEM>

        To try things out on this machine, run in Development: ASPNETCORE_ENVIRONMENT=Development
        """;

    private const string KeyPath = "Duplexity:Auth:Keys:";

    // What a person can change or give up, and somebody else then have (G19).
    private static readonly string[] MutableClaims =
        ["email", "preferred_username", "name", "given_name", "family_name", "nickname", "upn", "unique_name", "phone_number", "website"];

    public ValidateOptionsResult Validate(string? name, DuplexityOptions options)
    {
        List<string> problems = [.. Issuers(options), .. Oidc(options), .. Roles(options), .. Claims(options.Auth), .. options.Auth.Keys.SelectMany(key => Key(key.Key, key.Value, options)),
            .. Prefixes(options), .. Origins(options)];
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    private IEnumerable<string> Issuers(DuplexityOptions options)
    {
        var isKnown = options.Auth.Keys.Count > 0 || !string.IsNullOrEmpty(options.Auth.SigningKey) || !string.IsNullOrEmpty(options.Auth.Oidc.Authority) || options.Auth.Embedded || !string.IsNullOrEmpty(options.Scheme);
        if (!environment.IsDevelopment() && !isKnown)
        {
            yield return NoIssuer;
        }

        if (options.Auth.SigningKey is { Length: > 0 } signingKey && !OwnKeys.TryRead(signingKey, out _, out var problem))
        {
            yield return $"Duplexity:Auth:SigningKey {problem}.";
        }

        if (options.Url is { } url && (!url.IsAbsoluteUri || url.Scheme is not ("http" or "https") || url.Query + url.Fragment + url.UserInfo != ""))
        {
            yield return "Duplexity:Url must be the service's own address, such as https://hub.example.org.";
        }
    }

    private static IEnumerable<string> Oidc(DuplexityOptions options)
    {
        const string Path = "Duplexity:Auth:Oidc";
        var oidc = options.Auth.Oidc;
        if (options.Auth.Embedded && !oidc.IsEmbedded)
        {
            yield return string.IsNullOrEmpty(oidc.Authority + oidc.ClientId + oidc.ClientSecret)
                ? "Duplexity:Auth:Embedded is set, but the application has not added that provider: AddDuplexity().AddOpenId(), of the project Duplexity.Server.OpenId."
                : $"Duplexity:Auth:Embedded is set and {Path} names another provider. People sign in at one of them: take Embedded out, or Authority, ClientId and ClientSecret.";
            yield break;
        }

        if (oidc.IsEmbedded)
        {
            yield break;
        }

        if (string.IsNullOrEmpty(oidc.Authority))
        {
            if (!string.IsNullOrEmpty(oidc.ClientId) || !string.IsNullOrEmpty(oidc.ClientSecret))
            {
                yield return $"{Path} has a ClientId or a ClientSecret, but no Authority: the address of the provider, such as https://id.example.org.";
            }

            yield break;
        }

        if (!IsKeySetAddress(oidc.Authority))
        {
            yield return $"{Path}:Authority must be an https address; http is taken for 127.0.0.1 and [::1] only.";
        }

        if (string.IsNullOrWhiteSpace(oidc.ClientId))
        {
            yield return $"{Path}:ClientId is missing: the name that the provider knows this service by.";
        }

        if (!oidc.Scopes.Split(' ').Contains("openid"))
        {
            yield return $"{Path}:Scopes has no \"openid\": without it the provider says nothing about who signed in.";
        }
    }

    private static IEnumerable<string> Roles(DuplexityOptions options) => options.Allowances
        .Select(role => (role.Key, Problem: AllowanceSets.Problem(role.Value)))
        .Where(role => role.Problem is not null)
        .Select(role => $"Duplexity:Allowances:{role.Key}: {role.Problem}.");

    private static IEnumerable<string> Claims(AuthOptions auth)
    {
        if (string.IsNullOrWhiteSpace(auth.Audience))
        {
            yield return "Duplexity:Auth:Audience is empty: every token for anything would be good here. Leave it out for \"duplexity\".";
        }

        if (string.IsNullOrWhiteSpace(auth.CidClaim))
        {
            yield return "Duplexity:Auth:CidClaim is empty. Leave it out for \"sub\".";
        }
        else if (!auth.CidClaimMayChangeHands && MutableClaims.Contains(auth.CidClaim, StringComparer.OrdinalIgnoreCase))
        {
            yield return $"Duplexity:Auth:CidClaim is \"{auth.CidClaim}\", which can change hands: whoever has it next would inherit inbox, rooms and hostnames. "
                + "Use a claim that names one account for ever, such as \"sub\". Where you know that your issuers never give one again, say so: Duplexity:Auth:CidClaimMayChangeHands=true.";
        }
    }

    private static IEnumerable<string> Key(string name, IssuerKey key, DuplexityOptions options)
    {
        var path = KeyPath + name;
        if (string.IsNullOrWhiteSpace(key.Issuer))
        {
            yield return $"{path}:Issuer is missing: a key is bound to its issuer and signs for no other. Set it to the \"iss\" of the tokens.";
        }
        else if (key.Issuer == OwnKeys.DevelopmentIssuer || key.Issuer == OwnKeys.IssuerOf(options))
        {
            yield return $"{path}:Issuer is \"{key.Issuer}\", which is this service's own. Give the issuer a name of its own.";
        }

        (string Name, string? Value)[] given = [("Secret", key.Secret), ("Pem", key.Pem), ("Jwks", key.Jwks)];
        given = [.. given.Where(source => !string.IsNullOrEmpty(source.Value))];
        if (given.Length != 1)
        {
            yield return given.Length == 0
                ? $"{path} has no key. Set one of {path}:Secret, {path}:Pem and {path}:Jwks."
                : $"{path} has {string.Join(" and ", given.Select(source => source.Name))}. Set one of them; a second key of the same issuer is an entry of its own.";
        }
        else if (Problem(given[0].Name, given[0].Value!) is { } problem)
        {
            yield return $"{path}:{given[0].Name} {problem}.";
        }
    }

    private static string? Problem(string kind, string value)
    {
        string? problem = null;
        _ = kind switch
        {
            "Secret" => KeyMaterial.TrySecret(value, out _, out problem),
            "Pem" => KeyMaterial.TryPem(value, isPrivate: false, out _, out problem),
            _ => IsKeySetAddress(value) || (problem = "must be an https address; http is taken for 127.0.0.1 and [::1] only") is null,
        };
        return problem;
    }

    /// <summary>Whether nobody on the way can put other keys there: https, or http on a loopback address.</summary>
    public static bool IsKeySetAddress(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address)
        && (address.Scheme == "https" || (address.Scheme == "http" && IPAddress.TryParse(address.IdnHost, out var literal) && IPAddress.IsLoopback(literal)));

    /// <summary>Each issuer of clients with the setting of its prefix: no client of one may be a client of another (G19).</summary>
    private static IEnumerable<string> Prefixes(DuplexityOptions options)
    {
        var auth = options.Auth;
        var issuers = new List<(string Path, string Prefix)>();
        foreach (var issuer in auth.Keys.Where(key => !string.IsNullOrWhiteSpace(key.Value.Issuer)).GroupBy(key => key.Value.Issuer!))
        {
            issuers.Add(($"{KeyPath}{issuer.First().Key}:Prefix", issuer.First().Value.Prefix ?? ""));
            if (issuer.Select(key => key.Value.Prefix ?? "").Distinct(StringComparer.Ordinal).Count() > 1)
            {
                yield return $"{KeyPath}{issuer.First().Key} and {issuer.Last().Key} are keys of one issuer with different Prefix. Give them the same.";
            }
        }

        if (!string.IsNullOrEmpty(auth.Oidc.Authority))
        {
            issuers.Add(("Duplexity:Auth:Oidc:Prefix", auth.Oidc.Prefix ?? ""));
        }

        if (!string.IsNullOrEmpty(options.Scheme))
        {
            issuers.Add(("Duplexity:Auth:SchemePrefix", auth.SchemePrefix ?? ""));
        }

        foreach (var (path, prefix) in issuers)
        {
            if (prefix != "" && (prefix.Contains(':') || !Address.IsClientId(prefix + "x")))
            {
                yield return $"{path} cannot begin a client's name: no colon, no white space, and at most {Address.MaxClientLength - 1} characters.";
            }
            else if (issuers.Count > 1 && prefix == "")
            {
                yield return $"{path} is missing. With {issuers.Count} issuers each needs its own, or \"amy\" of one would be \"amy\" of the other.";
            }
        }

        for (var i = 0; i < issuers.Count; i++)
        {
            for (var j = 0; j < issuers.Count; j++)
            {
                var (one, other) = (issuers[i], issuers[j]);
                if (i != j && one.Prefix != "" && other.Prefix.StartsWith(one.Prefix, StringComparison.Ordinal) && (i < j || other.Prefix != one.Prefix))
                {
                    yield return $"{other.Path} \"{other.Prefix}\" begins with \"{one.Prefix}\", that of {one.Path}: the clients of one could be the other's. End each with a mark of its own, such as \"shop-\".";
                }
            }
        }
    }

    private static IEnumerable<string> Origins(DuplexityOptions options) => options.Origins
        .Where(origin => BrowserOrigins.Canonical(origin) is null)
        .Select(origin => origin.Contains('*')
            ? $"Duplexity:Origins has \"{origin}\": every page of the web. Name the origins, such as https://app.example.org."
            : $"Duplexity:Origins has \"{origin}\", which is not an origin. Write scheme, host and port only, such as https://app.example.org.");
}
