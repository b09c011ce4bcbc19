using System.Text.Json;
using Duplexity.Server.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;

namespace Duplexity.Server.Auth;

/// <summary>The codes by which a page of an application gets its tokens: once, within a minute, at the address and with the verifier that it began with. Thread-safe.</summary>
internal sealed class PageCodes(IEngine engine, Sealing sealing, BrowserOrigins origins)
{
    private const string Purpose = "page-code";
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(1);

    /// <summary>Whether codes may be sent to an address: of an origin that may use the service at all, and over nothing but https, loopback apart.</summary>
    public bool MayReturnTo(Uri uri, HttpRequest request) =>
        uri.Fragment.Length == 0 && uri.UserInfo.Length == 0 && (uri.Scheme == "https" || (uri.Scheme == "http" && ServiceHosts.IsLoopback(uri.Host)))
        && BrowserOrigins.Canonical(uri.GetLeftPart(UriPartial.Authority)) is { } origin
        && (origins.Knows(origin) || origin == BrowserOrigins.Canonical(origins.Own(request)));

    /// <summary>Where the browser goes back to, with a code or with what went wrong.</summary>
    public async Task<string> ReturnAsync(PageRedirect redirect, Person? person, ProviderOutcome outcome, CancellationToken ct)
    {
        // What is said to the front of a pipe has a name of its own there: all others are its resource's.
        var own = redirect.Pipe is null ? "" : "duplexity-";
        var answer = new Dictionary<string, string?> { ["state"] = redirect.State };
        if (person is null)
        {
            answer[own + "error"] = outcome == ProviderOutcome.Away ? "temporarily_unavailable" : "access_denied";
        }
        else
        {
            var code = answer[own + "code"] = Secrets.New();
            await engine.Vault.TryAddAsync($"code:{Secrets.Hash(code)}", sealing.Seal(Purpose, JsonSerializer.Serialize(new Waiting(person, redirect))), Lifetime, ct);
        }

        return QueryHelpers.AddQueryString(redirect.Uri, answer.Where(field => field.Value is not null));
    }

    /// <summary>Who a code stands for; null where it is used, over, or not for this address and verifier.</summary>
    public async Task<Person?> RedeemAsync(string? code, string? redirectUri, string? verifier, CancellationToken ct)
    {
        if (code is not { Length: > 0 and < 256 } || sealing.Open(Purpose, await engine.Vault.TakeAsync($"code:{Secrets.Hash(code)}", ct)) is not { } text)
        {
            return null;
        }

        var waiting = JsonSerializer.Deserialize<Waiting>(text)!;
        return Uri.TryCreate(redirectUri, UriKind.Absolute, out var uri) && uri.AbsoluteUri == waiting.Redirect.Uri && verifier is { Length: >= 43 and <= 128 }
            && Secrets.AreSame(Secrets.Hash(verifier), waiting.Redirect.Challenge)
            ? waiting.Person
            : null;
    }

    private sealed record Waiting(Person Person, PageRedirect Redirect);
}
