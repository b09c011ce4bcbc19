using System.Runtime.CompilerServices;
using Duplexity.Protocol;
using Duplexity.Server.Auth;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Hubs;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using static Duplexity.Server.ApplicationActing;

namespace Duplexity.Server;

/// <inheritdoc/>
internal sealed class InProcessDuplexity(
    PipeMachine machine, IEngine engine, ClusterSockets sockets, ClusterPlacing placing, ForcedDisconnects disconnects, Revocations revocations, Removals removals, Standing standing, TokenIssuer tokens, Draining draining,
    IDuplexityRooms rooms, IDuplexityLockspaces lockspaces, IDuplexityInboxes inboxes, IDuplexityMessagePipes messagePipes, DuplexityOptions options) : IDuplexity
{
    /// <summary>Who the application is, where it does not act as a client of its own.</summary>
    public const string Application = "service:app";

    private const int Page = 100;

    public IDuplexityRooms Rooms => rooms;

    public IDuplexityLockspaces Lockspaces => lockspaces;

    public IDuplexityInboxes Inboxes => inboxes;

    public IDuplexityMessagePipes MessagePipes => messagePipes;

    public Task<Receipt> SendAsync<T>(Address to, T body, SendOptions? options = null, CancellationToken ct = default) => SendAsync([to], body, options, ct);

    public async Task<Receipt> SendAsync<T>(IReadOnlyCollection<Address> to, T body, SendOptions? options = null, CancellationToken ct = default)
    {
        if (options?.As is { } client && !Address.IsClientId(client))
        {
            throw new DuplexityException(DuplexityError.Of(Errors.InvalidRequest, $"\"{VisibleText.Of(client, Address.MaxClientLength)}\" cannot be a client."));
        }

        var (text, bytes, contentType, type) = Body.Encode(body, options?.Type);
        var answer = await machine.SendAsync(new Sender { Client = options?.As ?? Application, IsServer = true }, new SendRequest
        {
            To = [.. to.Select(a => a.ToString())],
            Text = text,
            Bytes = bytes,
            ContentType = contentType,
            Type = type,
            Re = options?.Re,
            Headers = options?.Headers is null ? null : new Dictionary<string, string>(options.Headers),
            Level = options?.Level is { } level ? Levels.Word(level) : null,
            IdempotencyKey = options?.IdempotencyKey,
            Under = options?.Under,
        });
        return Receipts.Of(answer);
    }

    public async IAsyncEnumerable<DeliveredMessage> ReadAsync(Address channel, Position? since = null, [EnumeratorCancellation] CancellationToken ct = default)
    {
        while (true)
        {
            var page = await engine.Log.ReadAsync(channel, since, Page, ct: ct);
            if (!page.Recovered)
            {
                throw new DuplexityException(DuplexityError.Of(Errors.PlaceGone, "The log does not hold this place any more; read from its start."));
            }

            foreach (var entry in page.Entries)
            {
                yield return Delivery.OnTheWire(entry);
                since = entry.Position;
            }

            if (page.End)
            {
                yield break;
            }
        }
    }

    public async Task<IReadOnlyList<SocketInfo>> ListSocketsAsync(string client, CancellationToken ct = default) => await sockets.ListAsync(client, ct);

    public async Task<IReadOnlyList<Member>> ListMembersAsync(Address room, CancellationToken ct = default) => Members.Of(await engine.Presence.ReadAsync(room, ct));

    public async Task<int> DisconnectAsync(Address clientOrSocket, string reason, CancellationToken ct = default) => clientOrSocket.Kind switch
    {
        AddressKind.Client => (await disconnects.CloseAsync(clientOrSocket.Name, reason, options.Times.Block, Application, waitsForAll: true, ct)).Hit,
        AddressKind.Socket => (await disconnects.CloseSocketAsync(clientOrSocket.Name, reason, options.Times.Block, Application, waitsForAll: true, ct)).Hit,
        _ => throw new ArgumentException($"{clientOrSocket} is neither a client nor a socket.", nameof(clientOrSocket)),
    };

    public string CreateToken(string client, TimeSpan lifetime, Allowances? allowances = null) => allowances is not null && AllowanceSets.Problem(allowances) is { } problem
        ? throw new ArgumentException($"The allowances cannot be: {problem}.", nameof(allowances))
        : tokens.Create(client, lifetime, new(allowances));

    public async Task<int> RevokeAsync(string client, DateTimeOffset? before = null, CancellationToken ct = default) => (await revocations.RevokeClientAsync(Checked(client), before, ct, waitsForAll: true)).Hit;

    public async Task<int> RevokeTokenAsync(string tokenId, CancellationToken ct = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(tokenId);
        return (await revocations.RevokeTokenAsync(tokenId, null, ct, waitsForAll: true)).Hit;
    }

    public async Task<int> DisableAsync(string client, CancellationToken ct = default) => (await revocations.DisableAsync(Checked(client), ct, waitsForAll: true)).Hit;

    public Task EnableAsync(string client, CancellationToken ct = default) => standing.Removed(Checked(client)) is { } removed
        ? throw new DuplexityException(removed)
        : revocations.EnableAsync(client, ct, waitsForAll: true);

    public async Task<int> RemoveAsync(string client, CancellationToken ct = default) => (await removals.RemoveAsync(Checked(client), Application, ct, waitsForAll: true)).Hit;

    public Task DrainAsync(CancellationToken ct = default) => draining.RunAsync(ct);

    public Task<int> SubscribeAsync(string client, Address channel, CancellationToken ct = default) => placing.PlaceAsync(CheckedFor(client, channel), channel, ct);

    public Task<int> UnsubscribeAsync(string client, Address channel, string reason, CancellationToken ct = default) => placing.DisplaceAsync(CheckedFor(client, channel), channel, reason, ct);

    private static string CheckedFor(string client, Address channel) => channel.Kind is AddressKind.Room or AddressKind.Feed
        ? Checked(client)
        : throw new ArgumentException($"{VisibleText.Of(channel.ToString())} is neither a room nor a feed.", nameof(channel));
}
