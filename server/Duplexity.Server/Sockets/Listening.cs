using Duplexity.Protocol;
using Duplexity.Server.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Sockets;

/// <summary>What a socket does with channels beside sending to them: join, leave, read back, see who is there. Thread-safe.</summary>
internal sealed class Listening(IEngine engine, Egress egress, DuplexityOptions options)
{
    private const int DefaultPage = 100;

    /// <summary>How large a page of history may be, about, in bytes.</summary>
    private const int PageBytes = 1024 * 1024;

    /// <summary>Listens to a channel from now, from a place, or with the last n. Listening already: moves there.</summary>
    public async Task<JoinResponse> JoinAsync(Socket socket, Identity identity, JoinRequest request)
    {
        if ((ReadChannel(request.Channel, identity, out var address) ?? ReadPlace(request.Since) ?? ReadCount(nameof(request.Last), request.Last, 0)) is { } error)
        {
            return new JoinResponse { Error = error };
        }

        var (start, recovered) = await StartAsync(address, request.Since, request.Last ?? 0);
        if (!socket.TryListen(address, identity.Client, start, out var subscription))
        {
            var full = DuplexityError.Of(Errors.TooManyChannels, $"A socket listens to at most {options.Limits.ChannelsPerSocket} channels; leave one first.");
            return new JoinResponse { Error = full with { Limit = "channels_per_socket", Used = socket.Subscriptions.Count } };
        }

        if (address.Kind == AddressKind.Room)
        {
            await engine.Presence.AddAsync(address, identity.Client, socket.Id);
            if (socket.IsClosing)
            {
                // The socket went while it joined, and its end may have been before the line above.
                await engine.Presence.RemoveAsync(address, identity.Client, socket.Id);
            }
        }

        _ = Task.Run(() => subscription!.Channel.CatchUpAsync(subscription));
        return new JoinResponse { Channel = address.ToString(), Position = start, Recovered = recovered };
    }

    /// <summary>Stops listening.</summary>
    public async Task<Done> LeaveAsync(Socket socket, LeaveRequest request)
    {
        if (!Address.TryRead(request.Channel, out var address, out var problem))
        {
            return new Done { Error = DuplexityError.Of(Errors.InvalidAddress, problem) };
        }

        var isOwn = address.Kind == AddressKind.Socket || (address.Kind == AddressKind.Feed && socket.Identities.Any(i => i.Client == address.Name));
        if (isOwn || socket.StopListening(address) is not { } subscription)
        {
            return new Done { Error = DuplexityError.Of(Errors.NotJoined, $"This socket has not joined {VisibleText.Of(address.ToString())}.") };
        }

        if (address.Kind == AddressKind.Room)
        {
            await engine.Presence.RemoveAsync(address, subscription.Client, socket.Id);
        }

        return new Done();
    }

    /// <summary>A page of a channel's log, through the same egress gates as what is delivered (G9).</summary>
    public async Task<HistoryResponse> HistoryAsync(Identity identity, Socket socket, HistoryRequest request)
    {
        if ((ReadChannel(request.Channel, identity, out var address) ?? ReadPlace(request.Since) ?? ReadCount(nameof(request.Limit), request.Limit, 1)) is { } error)
        {
            return new HistoryResponse { Error = error };
        }

        var page = await engine.Log.ReadAsync(address, request.Since, request.Limit ?? DefaultPage, request.Reverse ?? false);
        if (!page.Recovered)
        {
            return new HistoryResponse { Messages = [], Recovered = false };
        }

        var reader = socket.SenderAs(identity);
        var messages = new List<DeliveredMessage>();
        LogEntry? last = null;
        var bytes = 0;
        foreach (var entry in page.Entries)
        {
            if (bytes > PageBytes)
            {
                return Page(messages, last!.Position, request.Since);
            }

            last = entry;
            if (egress.Lets(reader, entry))
            {
                messages.Add(Delivery.OnTheWire(entry));
                bytes += (entry.Message.Text?.Length ?? 0) + (entry.Message.Bytes?.Length ?? 0);
            }
        }

        return Page(messages, page.End ? null : last?.Position, request.Since);
    }

    /// <summary>Who is in a room.</summary>
    public async Task<PresenceResponse> PresenceAsync(PresenceRequest request)
    {
        if (!Address.TryRead(request.Channel, out var address, out var problem))
        {
            return new PresenceResponse { Error = DuplexityError.Of(Errors.InvalidAddress, problem) };
        }

        if (address.Kind != AddressKind.Room)
        {
            return new PresenceResponse { Error = NotThere(address) };
        }

        var snapshot = await engine.Presence.ReadAsync(address);
        var members = Members.Of(snapshot);
        return new PresenceResponse { Version = snapshot.Version, Count = members.Length, Members = members };
    }

    private static HistoryResponse Page(List<DeliveredMessage> messages, Position? next, Position? since) =>
        new() { Messages = [.. messages], Next = next, Recovered = since is null ? null : true };

    private async ValueTask<(Position Start, bool? Recovered)> StartAsync(Address address, Position? since, int last)
    {
        if (since is not null && (await engine.Log.ReadAsync(address, since, 1)).Recovered)
        {
            return (since, true);
        }

        bool? recovered = since is null ? null : false;
        if (last == 0)
        {
            return (await engine.Log.TopAsync(address), recovered);
        }

        var page = await engine.Log.ReadAsync(address, null, last, reverse: true);
        return (page.Entries.Count == 0 ? page.Top : page.Entries[^1].Before, recovered);
    }

    /// <summary>What a client may listen to and read: rooms, feeds, and its own inbox. All else reads as not there.</summary>
    private static DuplexityError? ReadChannel(string? channel, Identity identity, out Address address)
    {
        if (!Address.TryRead(channel, out address, out var problem))
        {
            return DuplexityError.Of(Errors.InvalidAddress, problem);
        }

        return address.Kind is AddressKind.Room or AddressKind.Feed || (address.Kind == AddressKind.Client && address.Name == identity.Client) ? null : NotThere(address);
    }

    private static DuplexityError NotThere(Address address) =>
        DuplexityError.Of(Errors.UnknownDestination, $"{VisibleText.Of(address.ToString())} is not there, or is not yours to listen to.");

    private static DuplexityError? ReadPlace(Position? since) => since is null or { Offset: >= 0 and < 1L << 53, Epoch: { Length: <= Wire.MaxNameLength } }
        ? null
        : DuplexityError.Of(Errors.InvalidRequest, "since has an offset from 0 and an epoch, as a position that was delivered.");

    private static DuplexityError? ReadCount(string field, int? count, int least) => count is null || (count >= least && count <= Wire.MaxPage)
        ? null
        : DuplexityError.Of(Errors.InvalidRequest, $"{char.ToLowerInvariant(field[0])}{field[1..]} is from {least} to {Wire.MaxPage}; {count} is not.");
}
