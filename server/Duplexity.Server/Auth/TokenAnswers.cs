using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>Tokens as they are handed out: the member names are OAuth's.</summary>
/// <param name="AccessToken">Opens the hubs.</param>
/// <param name="TokenType">Always <c>Bearer</c>.</param>
/// <param name="ExpiresIn">For how many seconds.</param>
/// <param name="Client">The CID.</param>
internal sealed record TokenAnswer(
    [property: JsonPropertyName("access_token")] string AccessToken,
    [property: JsonPropertyName("token_type")] string TokenType,
    [property: JsonPropertyName("expires_in")] long ExpiresIn,
    [property: JsonPropertyName("client")] string Client)
{
    /// <summary>Good once, for the next access token; absent where there is none.</summary>
    [JsonPropertyName("refresh_token"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? RefreshToken { get; init; }

    /// <summary>The provider's, for the client's information; opens nothing.</summary>
    [JsonPropertyName("id_token"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? IdToken { get; init; }

    public override string ToString() => nameof(TokenAnswer);
}

/// <summary>Makes short access tokens for whoever has proved who he is. Thread-safe.</summary>
internal sealed class AccessTokens(TokenIssuer issuer, IOptions<DuplexityOptions> options)
{
    /// <summary>An access token of <see cref="TimeOptions.AccessToken"/>.</summary>
    public TokenAnswer For(string client, TokenContent content) => For(client, options.Value.Times.AccessToken, content);

    /// <summary>An access token of a lifetime of the caller's choice.</summary>
    /// <exception cref="ArgumentException">The client cannot be a CID, or the lifetime is not between a second and 24 hours.</exception>
    public TokenAnswer For(string client, TimeSpan lifetime, TokenContent content) => new(issuer.Create(client, lifetime, content), "Bearer", (long)lifetime.TotalSeconds, client);
}
