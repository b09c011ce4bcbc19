using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>What the front itself answers to visitors of a pipe with gates: the way to the sign-in and back, cookies, refusals. Thread-safe.</summary>
internal sealed class VisitorDoor(VisitorLinks links, TimeProvider time, IOptions<DuplexityOptions> options, ILogger<VisitorDoor> logger, IVisitorIdentities? identities = null)
{
    /// <summary>What a browser is sent away with at most, of where it wanted to go; who wanted more comes back to the start.</summary>
    private const int MaxTarget = 512;

    private const int SecretLength = 43;

    /// <summary>Where what a browser keeps of its visitor is good: at one host, and for whom the person has said yes to, whose pipe it is.</summary>
    public static string PlaceOf(Visitor visitor, PipeEntry entry) => $"{visitor.HostAt(entry)} {entry.Client}";

    /// <summary>Answers a browser that comes back from the sign-in; false: it is none.</summary>
    public async ValueTask<bool> ArriveAsync(Visitor visitor, PipeEntry entry)
    {
        var (context, code) = (visitor.Context, visitor.Query.GetValueOrDefault(OwnNames.Code));
        if (!visitor.IsBrowsing || identities is null || (code is null && !visitor.Query.ContainsKey(OwnNames.Error)))
        {
            return false;
        }

        var to = visitor.Query.GetValueOrDefault(OwnNames.To);
        var identity = code is not null && visitor.Cookie(entry, OwnNames.SignInCookie) is { Length: SecretLength } secret
            ? await identities.ArriveAsync(code, ReturnTo(visitor, entry, to), secret, context.RequestAborted)
            : null;
        if (identity is null || identities.PassFor(identity, PlaceOf(visitor, entry)) is not { } pass)
        {
            await VisitorPages.NotSignedInAsync(context);
            return true;
        }

        Log.VisitorArrived(logger, entry.Name, VisibleText.Of(identity.Client, VisibleText.LogLength));
        OwnNames.Give(context, entry, OwnNames.VisitorCookie, pass, options.Value.Times.Visitor);
        OwnNames.Give(context, entry, OwnNames.SignInCookie, "", TimeSpan.Zero);
        Lead(context, OwnNames.Unpack(to));
        return true;
    }

    /// <summary>A person came by a link: it goes into a cookie, and out of the address, which is shown and kept. False: there is nothing to do.</summary>
    public ValueTask<bool> KeepLinkAsync(Visitor visitor, PipeEntry entry)
    {
        if (!visitor.IsBrowsing || !visitor.Query.TryGetValue(OwnNames.Link, out var text) || links.Read(text, entry, visitor.HostAt(entry)) is not { } link)
        {
            return new(false);
        }

        OwnNames.Give(visitor.Context, entry, OwnNames.LinkCookie, text, link.Until - time.GetUtcNow());
        Lead(visitor.Context, OwnNames.Here(visitor.Target));
        return new(true);
    }

    /// <summary>Answers who was let in by no gate: with the way to one, where there is one.</summary>
    public async Task RefuseAsync(Visitor visitor, PipeEntry entry, PipeGates gates)
    {
        var context = visitor.Context;
        if (gates.TakesBasic)
        {
            context.Response.Headers.Append(HeaderNames.WWWAuthenticate, $"Basic realm=\"{entry.Name}\", charset=\"UTF-8\"");
        }

        if (gates.TakesBearer)
        {
            context.Response.Headers.Append(HeaderNames.WWWAuthenticate, "Bearer");
        }

        if (gates.TakesBasic || (gates.TakesBearer && visitor.Identity is null && !(gates.TakesSignIn && visitor.IsBrowsing && identities?.CanSignIn == true)))
        {
            await VisitorPages.UnknownAsync(context);
        }
        else if (visitor.Identity is null && gates.TakesSignIn && visitor.IsBrowsing && Leave(visitor, entry) is { } away)
        {
            context.Response.Headers.Remove(HeaderNames.WWWAuthenticate);
            Lead(context, away);
        }
        else
        {
            context.Response.Headers.Remove(HeaderNames.WWWAuthenticate);
            await VisitorPages.NotForYouAsync(context);
        }
    }

    private string? Leave(Visitor visitor, PipeEntry entry)
    {
        var host = visitor.HostAt(entry);
        if (identities?.CanSignIn != true || NameTree.IsWildcard(host))
        {
            return null;
        }

        var secret = visitor.Cookie(entry, OwnNames.SignInCookie) is { Length: SecretLength } there ? there : VisitorSecret.New();
        var target = visitor.Target.Length <= MaxTarget ? visitor.Target : "/";
        var address = identities.SignInAddress(visitor.Context.Request, new(host, entry.Client, ReturnTo(visitor, entry, OwnNames.Pack(target)), VisitorSecret.Hash(secret)));
        if (address is not null)
        {
            OwnNames.Give(visitor.Context, entry, OwnNames.SignInCookie, secret, options.Value.Times.SignIn);
        }

        return address;
    }

    private static string ReturnTo(Visitor visitor, PipeEntry entry, string? to) => $"{PipeUrl.At(entry, visitor.HostAt(entry))}/?{OwnNames.To}={to}";

    private static void Lead(HttpContext context, string address)
    {
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        context.Response.Redirect(address);
    }
}
