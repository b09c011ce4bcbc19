using System.Security.Claims;
using System.Text.Encodings.Web;
using Duplexity.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Duplexity.AspNetCore.Identities;

/// <summary>
/// Turns a valid assertion into its client and ignores everything else (G15). A bare header proves nothing, for whoever reaches the port can write it; and a genuine assertion is good for the one hostname that it
/// names, so that it cannot be carried from one pipe to another.
/// </summary>
internal sealed class DuplexityIdentityHandler(
    IOptionsMonitor<DuplexityIdentityOptions> options, ILoggerFactory loggers, UrlEncoder encoder, PipeServer servers, AssertionKeys keys, OpenPipes pipes)
    : AuthenticationHandler<DuplexityIdentityOptions>(options, loggers, encoder)
{
    // A client's name has 256 characters at most, and nothing else in it is long.
    private const int MaxLength = 4096;

    // No token of another purpose, such as one that opens a hub, is taken for an assertion.
    private static readonly string[] Types = ["duplexity-identity+jwt"];

    private static readonly string[] Algorithms = [SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSsaPssSha256];

    private readonly JsonWebTokenHandler _tokens = new() { MapInboundClaims = false, MaximumTokenSizeInBytes = MaxLength };

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Request.Headers[DuplexityIdentityDefaults.Header] is not [{ Length: > 0 and <= MaxLength } text])
        {
            return AuthenticateResult.NoResult();
        }

        var through = Context.Features.Get<CameThrough>() ?? (pipes.Of(Context.Connection) is { } found ? new CameThrough(found.Pipe, found.Server) : null);
        string[] hostnames = Options.Hostnames.Count > 0 ? [.. Options.Hostnames] : through is null ? [] : [through.Pipe.Name];
        if (hostnames.Length == 0)
        {
            return Ignored("it did not come through a pipe of this program");
        }

        Uri server;
        try
        {
            server = Options.Server ?? through?.Server ?? servers.Of(null);
        }
        catch (InvalidOperationException e)
        {
            return Ignored(e.Message);
        }

        var (identity, problem) = await ReadAsync(text, hostnames, server);
        return identity is null ? Ignored(problem!) : AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Scheme.Name));
    }

    private async Task<(ClaimsIdentity? Identity, string? Problem)> ReadAsync(string text, string[] hostnames, Uri server)
    {
        if (!_tokens.CanReadToken(text) || Parse(text) is not { } token)
        {
            return (null, "it is not a signed JWT");
        }

        var known = await keys.FindAsync(server, Options.KeySet, token.Kid, Context.RequestAborted);
        var result = await _tokens.ValidateTokenAsync(token, new TokenValidationParameters
        {
            ValidIssuer = Options.Issuer ?? server.AbsoluteUri.TrimEnd('/'),
            ValidAudiences = hostnames,
            IssuerSigningKeys = known,
            ValidAlgorithms = Algorithms,
            ValidTypes = Types,
            RequireExpirationTime = true,
            RequireSignedTokens = true,
            ClockSkew = Options.ClockSkew,
            LifetimeValidator = (from, to, _, parameters) => IsNow(from, to, parameters.ClockSkew),
            NameClaimType = JwtRegisteredClaimNames.Sub,
            AuthenticationType = Scheme.Name,
        });

        // The exceptions' texts quote the token's claims; their types say enough.
        return result.IsValid && token.Subject is { Length: > 0 } ? (result.ClaimsIdentity, null) : (null, result.Exception?.GetType().Name ?? "it names nobody");
    }

    private bool IsNow(DateTime? from, DateTime? to, TimeSpan skew)
    {
        var now = TimeProvider.GetUtcNow().UtcDateTime;
        return to is not null && now < to.Value + skew && (from is null || now >= from.Value - skew);
    }

    private static JsonWebToken? Parse(string text)
    {
        try
        {
            return new JsonWebToken(text);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private AuthenticateResult Ignored(string problem)
    {
        Log.AssertionRefused(Logger, problem);
        return AuthenticateResult.NoResult();
    }
}
