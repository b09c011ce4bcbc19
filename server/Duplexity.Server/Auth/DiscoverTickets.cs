using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>
/// Tickets that Discover gives and Open takes (G14). A ticket is never enough by itself: the connection that shows it is authenticated as the client that it
/// names. Thread-safe.
/// </summary>
internal sealed class DiscoverTickets(
    [FromKeyedServices(DiscoverTickets.Keys)] IDataProtectionProvider keys, IEngine engine, Sessions sessions, Node node, IOptions<DuplexityOptions> options, TimeProvider time, ILogger<DiscoverTickets> logger)
{
    /// <summary>The service key of the node's own key ring; the application's is not touched.</summary>
    public const string Keys = "Duplexity";

    private readonly IDataProtector _protector = keys.CreateProtector("Duplexity.Ticket.Discover.v1");

    /// <summary>A ticket for one Open of this client, session and generation, whose control connection is here, at a node (null: this one), within <see cref="TimeOptions.Ticket"/>.</summary>
    public string Issue(string client, string session, long generation, string? at = null)
    {
        var expiresAt = (time.GetUtcNow() + options.Value.Times.Ticket).ToUnixTimeMilliseconds();
        var ticket = new Content(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), client, session, generation, at ?? node.Name, node.Name, expiresAt);
        return Base64Url.EncodeToString(_protector.Protect(JsonSerializer.SerializeToUtf8Bytes(ticket)));
    }

    /// <summary>
    /// Where the control connection is for which <paramref name="ticket"/> was given, if it is good for this client and session, here, now and for the first time; null: it is not, and every refusal is alike. If it is here, the session
    /// must still be at the generation for which the ticket was given; else its own node looks.
    /// </summary>
    public async ValueTask<Redeemed?> RedeemAsync(string? ticket, string client, string session, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        if (Open(ticket) is not { } content
            || content.Client != client || content.Session != session || content.Node != node.Name
            || now.ToUnixTimeMilliseconds() >= content.ExpiresAt
            || (content.Control == node.Name && sessions.Find(client, session)?.Generation != content.Generation))
        {
            return null;
        }

        try
        {
            // The vault keeps it a little longer than the ticket lives: their clocks need not be read in the same instant.
            return await engine.Vault.TryAddAsync($"ticket:{content.Id}", client, options.Value.Times.Ticket + TimeSpan.FromSeconds(5), ct) ? new(content.Control, content.Generation) : null;
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            // Whatever keeps the vault from answering: a ticket whose use cannot be written down is refused.
            Log.VaultUnavailable(logger, e);
            return null;
        }
    }

    private Content? Open(string? ticket)
    {
        try
        {
            return string.IsNullOrEmpty(ticket) ? null : JsonSerializer.Deserialize<Content>(_protector.Unprotect(Base64Url.DecodeFromChars(ticket)));
        }
        catch (Exception e) when (e is CryptographicException or FormatException or JsonException)
        {
            // Altered, of another purpose, or of another node's keys: refused like any other.
            return null;
        }
    }

    /// <param name="Control">The node of the control connection.</param>
    /// <param name="Generation">The session's, when the ticket was given.</param>
    internal readonly record struct Redeemed(string Control, long Generation);

    private sealed record Content(string Id, string Client, string Session, long Generation, string Node, string Control, long ExpiresAt);
}
