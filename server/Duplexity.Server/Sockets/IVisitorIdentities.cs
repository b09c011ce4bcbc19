using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Sockets;

/// <summary>Who visitors of public pipes are, as the service's own sign-in, tokens and rooms say. Thread-safe.</summary>
internal interface IVisitorIdentities
{
    /// <summary>Whether a person can sign in with a browser here.</summary>
    bool CanSignIn { get; }

    /// <summary>Where a browser is sent to sign in; null: nowhere.</summary>
    string? SignInAddress(HttpRequest request, VisitorReturn back);

    /// <summary>Who came back with a code from there, once and in that browser only; null: nobody.</summary>
    Task<Identity?> ArriveAsync(string code, string returnTo, string secret, CancellationToken ct);

    /// <summary>What a visitor's browser keeps to be known again at one place (a host, and whose pipe it is), good for nothing else; null: it would be too long for a cookie.</summary>
    string? PassFor(Identity identity, string place);

    /// <summary>Who a pass of that place says its bearer is; null: nobody, or not any more.</summary>
    Identity? Read(string pass, string place);

    /// <summary>Who an access token or an API key says its bearer is; null: nobody.</summary>
    ValueTask<Identity?> ReadCredentialAsync(string credential, CancellationToken ct);

    /// <summary>Whether somebody may still be served: its time is not over, nothing stands against it, and it is not kept away.</summary>
    bool MayStay(Identity identity);

    /// <summary>Whether a room or a lockspace lets somebody join.</summary>
    bool MayJoin(Identity identity, Address channel);

    /// <summary>What is kept of somebody with a request that is sent later. It is not sealed.</summary>
    string Keep(Identity identity);

    /// <summary>Who that is, whose credential may have ended by itself since; null: something stands against it by now.</summary>
    Identity? Again(string kept);

    /// <summary>What tells the resource behind a hostname who the visitor is, for a minute (G15).</summary>
    string Assert(string client, string host);

    /// <summary>Seals text for one purpose.</summary>
    string Seal(string purpose, string text);

    /// <summary>Opens what was sealed for the same purpose; null where it was not, or was altered.</summary>
    string? Open(string purpose, string text);
}

/// <summary>Whom a browser comes back to from the sign-in.</summary>
/// <param name="Host">The pipe's hostname.</param>
/// <param name="Owner">Whose pipe it is.</param>
/// <param name="Uri">Where to.</param>
/// <param name="Challenge">The hash of the secret that the browser keeps at that host.</param>
internal sealed record VisitorReturn(string Host, string Owner, string Uri, string Challenge);
