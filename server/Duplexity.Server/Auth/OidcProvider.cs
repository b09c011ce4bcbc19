using System.Net;
using System.Text.Json;
using Duplexity.Server.Diagnostics;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Duplexity.Server.Auth;

/// <summary>Who signed in, as the provider says.</summary>
/// <param name="Client">The CID.</param>
/// <param name="Roles">Its roles.</param>
/// <param name="Allowances">Its claim <c>duplexity</c>; null: none.</param>
/// <param name="IdToken">For the client's information; opens nothing.</param>
/// <param name="RefreshToken">The provider's own; null: it gave none.</param>
internal sealed record Person(string Client, string[] Roles, Allowances? Allowances, string IdToken, string? RefreshToken)
{
    public override string ToString() => nameof(Person);
}

/// <summary>What became of a call to the provider.</summary>
internal enum ProviderOutcome
{
    Good,

    /// <summary>The provider, or what it sent, is not to be believed: whoever tries again gets the same.</summary>
    Refused,

    /// <summary>The provider did not answer: later.</summary>
    Away,
}

/// <summary>
/// The OpenID provider, seen from here: authorization code flow with PKCE, ID tokens checked in full (issuer, audience, nonce, signature by listed algorithms, times). Thread-safe.
/// </summary>
internal sealed class OidcProvider
{
    // Key sets change seldom; an ID token of an unknown key asks again, at most once a minute.
    private static readonly TimeSpan BetweenFetches = TimeSpan.FromMinutes(1);

    private readonly OidcOptions _options;
    private readonly AuthOptions _auth;
    private readonly TimeSpan _skew;
    private readonly IOidcBackchannel _backchannel;
    private readonly HttpClient _http;
    private readonly TimeProvider _time;
    private readonly ILogger<OidcProvider> _logger;
    private readonly ConfigurationManager<OpenIdConnectConfiguration>? _configuration;
    private readonly HttpDocumentRetriever _documents;
    private readonly SemaphoreSlim _fetching = new(1, 1);
    private OpenIdConnectConfiguration? _fetched;
    private DateTimeOffset _fetchedAt;
    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false };

    public OidcProvider(IOptions<DuplexityOptions> options, IOidcBackchannel backchannel, TimeProvider time, ILogger<OidcProvider> logger)
    {
        (_options, _auth, _skew, _backchannel, _http, _time, _logger) = (options.Value.Auth.Oidc, options.Value.Auth, options.Value.Times.ClockSkew, backchannel, backchannel.Client, time, logger);
        _documents = new HttpDocumentRetriever(_http) { RequireHttps = false };
        if (_options.Authority is { Length: > 0 } authority)
        {
            _configuration = new($"{authority.TrimEnd('/')}/.well-known/openid-configuration", new OpenIdConnectConfigurationRetriever(), _documents)
            {
                RefreshInterval = BetweenFetches,
            };
        }
    }

    /// <summary>Whether there is a provider.</summary>
    public bool IsConfigured => _configuration is not null;

    /// <summary>Where a browser is sent to sign in; null: the provider is away.</summary>
    public async Task<string?> AuthorizeAsync(string redirectUri, string state, string nonce, string verifier, CancellationToken ct)
    {
        if (await DiscoverAsync(ct) is not { } provider)
        {
            return null;
        }

        return QueryHelpers.AddQueryString(_backchannel.InBrowser(provider.AuthorizationEndpoint, redirectUri), new Dictionary<string, string?>
        {
            ["response_type"] = "code",
            ["client_id"] = _options.ClientId,
            ["redirect_uri"] = redirectUri,
            ["scope"] = _options.Scopes,
            ["state"] = state,
            ["nonce"] = nonce,
            ["code_challenge"] = Secrets.Hash(verifier),
            ["code_challenge_method"] = "S256",
        });
    }

    /// <summary>Trades an authorization code for the person it stands for.</summary>
    public Task<(ProviderOutcome Outcome, Person? Person)> RedeemAsync(string code, string redirectUri, string nonce, string verifier, CancellationToken ct) => AskAsync(
        new() { ["grant_type"] = "authorization_code", ["code"] = code, ["redirect_uri"] = redirectUri, ["code_verifier"] = verifier }, nonce, ct);

    /// <summary>Asks whether a person may still sign in, by the provider's own refresh token.</summary>
    public Task<(ProviderOutcome Outcome, Person? Person)> RefreshAsync(string refreshToken, CancellationToken ct) => AskAsync(
        new() { ["grant_type"] = "refresh_token", ["refresh_token"] = refreshToken }, null, ct);

    private async Task<(ProviderOutcome, Person?)> AskAsync(Dictionary<string, string> form, string? nonce, CancellationToken ct)
    {
        if (await DiscoverAsync(ct) is not { } provider)
        {
            return (ProviderOutcome.Away, null);
        }

        JsonElement answer;
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, provider.TokenEndpoint);
            form["client_id"] = _options.ClientId!;
            if (_options.ClientSecret is { Length: > 0 } secret)
            {
                // As RFC 6749 wants it, each part form-encoded first; providers that want it in the form say so in their discovery.
                if (provider.TokenEndpointAuthMethodsSupported.Count > 0 && !provider.TokenEndpointAuthMethodsSupported.Contains("client_secret_basic"))
                {
                    form["client_secret"] = secret;
                }
                else
                {
                    var pair = $"{Uri.EscapeDataString(_options.ClientId!)}:{Uri.EscapeDataString(secret)}";
                    request.Headers.Authorization = new("Basic", Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(pair)));
                }
            }

            request.Content = new FormUrlEncodedContent(form);
            using var response = await _http.SendAsync(request, ct);
            if (!response.IsSuccessStatusCode)
            {
                Log.ProviderRefused(_logger, (int)response.StatusCode);
                return (response.StatusCode >= HttpStatusCode.InternalServerError || response.StatusCode == HttpStatusCode.TooManyRequests ? ProviderOutcome.Away : ProviderOutcome.Refused, null);
            }

            answer = JsonSerializer.Deserialize<JsonElement>(await response.Content.ReadAsStringAsync(ct));
        }
        catch (Exception e) when (e is HttpRequestException or JsonException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            Log.ProviderAway(_logger, e);
            return (ProviderOutcome.Away, null);
        }

        var idToken = Text(answer, "id_token");
        if (idToken is null && nonce is null)
        {
            // A refresh need not bring an ID token: then the answer itself says that the person may.
            return (ProviderOutcome.Good, new Person("", [], null, "", Text(answer, "refresh_token")));
        }

        var person = await ReadAsync(provider, idToken, nonce, Text(answer, "refresh_token"), ct);
        return (person is null ? ProviderOutcome.Refused : ProviderOutcome.Good, person);
    }

    private async Task<Person?> ReadAsync(OpenIdConnectConfiguration provider, string? idToken, string? nonce, string? refreshToken, CancellationToken ct)
    {
        var result = await _handler.ValidateTokenAsync(idToken, Parameters(provider));
        if (!result.IsValid && result.Exception is SecurityTokenInvalidSignatureException)
        {
            result = await _handler.ValidateTokenAsync(idToken, Parameters(await FetchAsync(ct) ?? provider));
        }

        if (!result.IsValid)
        {
            Log.IdTokenRefused(_logger, result.Exception?.GetType().Name ?? "not valid");
            return null;
        }

        var token = (JsonWebToken)result.SecurityToken;
        // Of a token for several audiences, and of any that names one, the authorized party must be this service.
        var party = Claim(token, "azp") ?? (token.Audiences.Count() == 1 ? _options.ClientId : null);
        if ((nonce is not null && !Secrets.AreSame(Claim(token, "nonce"), nonce)) || party != _options.ClientId)
        {
            Log.IdTokenRefused(_logger, "nonce or authorized party");
            return null;
        }

        var client = ClientName.Of(_options.Prefix ?? "", Claim(token, _auth.CidClaim));
        if (client is null || !AllowanceResolver.TryReadClaim(token, out var allowances, out _))
        {
            Log.IdTokenRefused(_logger, client is null ? $"its claim {_auth.CidClaim} cannot be a client" : $"its claim {AllowanceClaim.Name} cannot be read");
            return null;
        }

        string[] roles = [.. token.Claims.Where(c => c.Type is "role" or "roles" || c.Type == _options.RolesClaim).Select(c => c.Value).Distinct(StringComparer.Ordinal)];
        return new Person(client, roles, allowances, idToken!, refreshToken);
    }

    private TokenValidationParameters Parameters(OpenIdConnectConfiguration provider) => new()
    {
        // The configured name, not what a document says about itself.
        ValidIssuers = [_options.Authority!, _options.Authority!.TrimEnd('/')],
        ValidAudience = _options.ClientId,
        IssuerSigningKeys = provider.SigningKeys,
        ValidAlgorithms = KeyMaterial.Public,
        RequireSignedTokens = true,
        RequireExpirationTime = true,
        LogValidationExceptions = false,
        LifetimeValidator = (notBefore, expires, _, _) =>
        {
            var now = _time.GetUtcNow().UtcDateTime;
            // Where a signature did not fit, a token without "nbf" comes here with the first of all moments, of which nothing can be taken away.
            return expires is { } end && now < end + _skew && (notBefore is not { } start || now + _skew >= start);
        },
    };

    /// <summary>The provider's keys as they are now, for a token of a key that is not known yet. Not the manager's own refresh: that goes on in the background, and this token would be refused.</summary>
    private async Task<OpenIdConnectConfiguration?> FetchAsync(CancellationToken ct)
    {
        await _fetching.WaitAsync(ct);
        try
        {
            if (_fetched is null || _time.GetUtcNow() - _fetchedAt >= BetweenFetches)
            {
                _fetchedAt = _time.GetUtcNow();
                _fetched = await OpenIdConnectConfigurationRetriever.GetAsync(_configuration!.MetadataAddress, _documents, ct);
                _configuration.RequestRefresh();
            }

            return _fetched;
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or HttpRequestException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            Log.ProviderAway(_logger, e);
            return null;
        }
        finally
        {
            _fetching.Release();
        }
    }

    private async Task<OpenIdConnectConfiguration?> DiscoverAsync(CancellationToken ct)
    {
        try
        {
            var found = await _configuration!.GetConfigurationAsync(ct);
            return found is { AuthorizationEndpoint.Length: > 0, TokenEndpoint.Length: > 0 } && found.Issuer?.TrimEnd('/') == _options.Authority!.TrimEnd('/') ? found : null;
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or HttpRequestException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            Log.ProviderAway(_logger, e);
            return null;
        }
    }

    private static string? Claim(JsonWebToken token, string name) => token.TryGetClaim(name, out var claim) ? claim.Value : null;

    private static string? Text(JsonElement answer, string name) =>
        answer.ValueKind == JsonValueKind.Object && answer.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
