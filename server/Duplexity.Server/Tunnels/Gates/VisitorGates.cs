using System.Net;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels.Away;
using Duplexity.Server.Tunnels.Inspection;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>A visitor that was let in.</summary>
/// <param name="Visitor">It.</param>
/// <param name="Gate">By which gate; null: the pipe is public.</param>
internal sealed record VisitorPass(Visitor Visitor, IVisitorGate? Gate)
{
    /// <summary>What stands for it where its use is counted: who it is, else where it is from.</summary>
    public string Key => Visitor.Identity is { } identity ? $"client:{identity.Client}" : $"ip:{PeerAddresses.NetworkOf(Visitor.Address)}";
}

/// <summary>
/// Decides who passes to a pipe, before a carrier is taken: what a visitor brings is read and taken out of the request, then the pipe's gates are asked in their order; one that lets in is enough. Whoever
/// passes and is known goes on with a signed assertion of who it is (G15). Thread-safe.
/// </summary>
internal sealed class VisitorGates(VisitorRules rules, VisitorLinks links, VisitorDoor door, Passwords passwords, ILogger<VisitorGates> logger, IVisitorIdentities? identities = null)
{
    /// <summary>What a resource is told by.</summary>
    public const string IdentityHeader = "Duplexity-Identity";

    /// <summary>Lets a visitor pass, or answers it: then null.</summary>
    public async ValueTask<VisitorPass?> PassAsync(Visitor visitor, PipeEntry entry)
    {
        var context = visitor.Context;
        var gates = rules.Of(entry);
        context.Request.Headers.Remove(IdentityHeader); // of an earlier look at what the name was then
        if (gates.IsPublic)
        {
            return new(visitor, null);
        }

        if (await door.ArriveAsync(visitor, entry))
        {
            return null;
        }

        var network = PeerAddresses.NetworkOf(visitor.Address);
        if (gates.TakesBasic && visitor.Basic() is not null && passwords.MustWait(entry.Name, network))
        {
            await VisitorPages.TooManyPasswordsAsync(context);
            return null;
        }

        await IdentifyAsync(visitor, entry, gates);
        foreach (var gate in gates.All)
        {
            if (await gate.LetsAsync(visitor, entry, context.RequestAborted))
            {
                GateNotes.Add(context, "visitors", $"let in by {NameOf(gate)}");
                return await EnterAsync(new(visitor, gate), entry, gates);
            }
        }

        if (gates.TakesBasic && visitor.Basic() is not null)
        {
            passwords.CountWrong(entry.Name, network);
        }

        Log.VisitorRefused(logger, entry.Name, visitor.Identity is null ? "nobody known" : "somebody known");
        GateNotes.Add(context, "visitors", "refused");
        await door.RefuseAsync(visitor, entry, gates);
        return null;
    }

    /// <summary>A request that was kept is sent now: its visitor, who had passed, is vouched for anew where it still may visit, and else the resource gets the request as nobody's (G15).</summary>
    public void Vouch(Visitor visitor, PipeEntry entry, KeptRequest kept)
    {
        var gates = rules.Of(entry);
        if (gates.IsPublic || kept.Visitor is null || identities?.Again(kept.Visitor) is not { } identity)
        {
            return;
        }

        (visitor.Identity, visitor.IsByToken) = (identity, kept.IsByToken);
        if ((!kept.IsByToken || gates.TakesBearer) && gates.All.Any(g => g.StillLets(visitor, entry)))
        {
            visitor.Context.Request.Headers[IdentityHeader] = identities.Assert(identity.Client, entry.Name);
        }
    }

    /// <summary>Whether a TCP port lets an address in.</summary>
    public bool Lets(IPAddress address, PipeEntry entry)
    {
        if (rules.Of(entry).Lets(address))
        {
            return true;
        }

        Log.VisitorRefused(logger, entry.Name, "an address");
        return false;
    }

    /// <summary>Whether somebody who passed may still be served.</summary>
    public bool MayStay(VisitorPass pass, PipeEntry entry) =>
        pass.Gate is not { } gate || ((pass.Visitor.Identity is not { } identity || identities!.MayStay(identity)) && gate.StillLets(pass.Visitor, entry));

    /// <summary>How somebody who is served would pass to what its pipe has become, by what it has shown so far: who came when nobody was asked is nobody known. Null: not at all.</summary>
    public VisitorPass? PassAgain(VisitorPass pass, PipeEntry now)
    {
        var visitor = pass.Visitor;
        var gates = rules.Of(now);
        if (gates.IsPublic)
        {
            return new(visitor, null);
        }

        // What a token says counts where tokens are asked for; an address is no matter of tokens.
        var isNobody = visitor.IsByToken && !gates.TakesBearer;
        return Array.Find(gates.All, gate => (!isNobody || gate is AddressGate) && gate.WouldLet(visitor, now, pass.Gate)) is { } lets ? new(visitor, lets) : null;
    }

    private static string NameOf(IVisitorGate gate) => gate.GetType().Name.Replace("Gate", "", StringComparison.Ordinal).ToLowerInvariant();

    private async ValueTask IdentifyAsync(Visitor visitor, PipeEntry entry, PipeGates gates)
    {
        if (identities is null || visitor.Identity is not null)
        {
            return;
        }

        if (gates.TakesBearer && visitor.Bearer() is { } credential && await identities.ReadCredentialAsync(credential, visitor.Context.RequestAborted) is { } bearer)
        {
            (visitor.Identity, visitor.IsByToken) = (bearer, true);
            visitor.TakeAuthorization();
        }

        var isOwnPage = visitor.Cookies.Count > 0 && visitor.IsFromOwnPage(entry);
        if (visitor.Identity is null && isOwnPage && visitor.Cookie(entry, OwnNames.VisitorCookie) is { } kept)
        {
            visitor.Identity = identities.Read(kept, VisitorDoor.PlaceOf(visitor, entry));
        }

        if (gates.TakesLinks)
        {
            visitor.Link = links.Read(visitor.Query.GetValueOrDefault(OwnNames.Link), entry, visitor.HostAt(entry))
                ?? (isOwnPage ? links.Read(visitor.Cookie(entry, OwnNames.LinkCookie), entry, visitor.HostAt(entry)) : null);
        }
    }

    private async ValueTask<VisitorPass?> EnterAsync(VisitorPass pass, PipeEntry entry, PipeGates gates)
    {
        if (gates.TakesLinks && await door.KeepLinkAsync(pass.Visitor, entry))
        {
            return null;
        }

        if (pass.Visitor.Identity is { } identity)
        {
            GateNotes.Client(pass.Visitor.Context, identity.Client);
            pass.Visitor.Context.Request.Headers[IdentityHeader] = identities!.Assert(identity.Client, pass.Visitor.HostAt(entry));
        }

        return pass;
    }
}
