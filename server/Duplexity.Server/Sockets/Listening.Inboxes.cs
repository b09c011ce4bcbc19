using Duplexity.Protocol;
using Duplexity.Server.Inboxes;

namespace Duplexity.Server.Sockets;

/// <summary>The own inbox: its readers, their places, and what they acknowledge.</summary>
internal sealed partial class Listening
{
    private async Task<JoinResponse> JoinInboxAsync(Socket socket, HeldIdentity held, Address address, JoinRequest request)
    {
        if ((ReadAck(request, out var mode) ?? ReadReader(request.Reader) ?? ReadHands(request, mode)) is { } error)
        {
            return new JoinResponse { Error = error };
        }

        if (mode is null)
        {
            var (looked, isKnown) = await StartAsync(socket, held, address, request);
            return await ListenToInboxAsync(socket, held, address, looked, isKnown, null);
        }

        var inbox = await inboxes.OpenAsync(address);
        await inbox.LookAsync();
        if (inbox.Reader(request.Reader ?? "") is not { } reader)
        {
            return new JoinResponse { Error = TooManyReaders() };
        }

        if (inbox.Excludes(reader, socket.Id, mode == AckMode.Claim))
        {
            return new JoinResponse { Error = Excluded() };
        }

        if (mode == AckMode.Claim)
        {
            await inbox.LoadClaimsAsync(reader);
        }

        var (start, recovered) = (reader.Cursor, reader.WasLost ? false : (bool?)null);
        if (request.Since is { } since)
        {
            // A place of its own that cannot be served leaves the one that is kept.
            recovered = (await engine.Log.ReadAsync(address, since, 1)).Recovered;
            start = recovered == true ? since : start;
            if (recovered == true && mode == AckMode.Manual)
            {
                await inbox.TakeUpAsync(reader, since, socket.Id);
            }
            else if (recovered == true && mode == AckMode.Auto)
            {
                inbox.AcknowledgeThrough(reader, since, socket.Id);
            }
        }

        reader.WasLost = false;
        return await ListenToInboxAsync(socket, held, address, start, recovered, (inbox, reader, mode.Value, request.Hands ?? 1));
    }

    /// <summary>A page of the own inbox from where a reader is, for who has no socket that it would be brought to. Nothing of it is acknowledged; read again, it is there again.</summary>
    public async Task<(InboxPage? Page, DuplexityError? Error)> ReadInboxAsync(HeldIdentity held, string? readerName, int? limit)
    {
        var address = Address.Client(held.Client);
        if ((gates.Read(address.ToString(), held, isRead: true, out _) ?? ReadReader(readerName) ?? ReadCount(nameof(limit), limit, 1)) is { } error)
        {
            return (null, error);
        }

        var inbox = await inboxes.OpenAsync(address);
        await inbox.LookAsync();
        if (inbox.Reader(readerName ?? "") is not { } reader)
        {
            return (null, TooManyReaders());
        }

        var from = reader.Cursor;
        var page = await HistoryAsync(null, held, new HistoryRequest { Channel = address.ToString(), Since = from, Limit = limit });
        if (page.Error is not null)
        {
            return (null, page.Error);
        }

        var isRecovered = page.Recovered == true && !reader.WasLost;
        if (page.Recovered == false)
        {
            page = await HistoryAsync(null, held, new HistoryRequest { Channel = address.ToString(), Limit = limit });
        }

        reader.WasLost = false;
        var through = page.Next ?? page.Messages!.LastOrDefault()?.Position ?? from;
        return (new InboxPage { Messages = page.Messages!, From = from, Through = through, HasMore = page.Next is not null, Recovered = isRecovered }, null);
    }

    /// <summary>A reader of the own inbox has finished with everything up to a place, or with one message. Without a socket: not with what is claimed, which only its own socket settles.</summary>
    public async Task<Done> AcknowledgeAsync(Socket? socket, HeldIdentity held, AcknowledgeRequest request)
    {
        if ((gates.Read(request.Channel, held, isRead: false, out var address) ?? ReadReader(request.Reader) ?? ReadPlace(request.Through) ?? ReadPlace(request.Position)) is { } error)
        {
            return new Done { Error = error };
        }

        if (address.Kind != AddressKind.Client || request.Through is null == request.Position is null)
        {
            return new Done { Error = DuplexityError.Of(Errors.InvalidRequest, "Acknowledge names the own inbox, and one of through and position.") };
        }

        var inbox = await inboxes.OpenAsync(address);
        if (inbox.Reader(request.Reader ?? "") is not { } reader)
        {
            return new Done { Error = TooManyReaders() };
        }

        if (request.Through is not null && inbox.HasClaims(reader))
        {
            return new Done { Error = DuplexityError.Of(Errors.InvalidRequest, "What is claimed is acknowledged one by one, by position and attempt.") };
        }

        if (request.Position is { } position)
        {
            return new Done { Error = await inbox.AcknowledgeAsync(reader, position, request.Attempt, socket?.Id) is { } refused ? NotAcknowledged(refused, position) : null };
        }

        var (through, cursor) = (request.Through!, reader.Cursor); // read once: another socket's acknowledgement moves it
        if (through.Offset >= cursor.Offset && through != cursor)
        {
            if (through.Offset == cursor.Offset || !(await engine.Log.ReadAsync(address, through, 1)).Recovered)
            {
                return new Done { Error = NotAcknowledged(Errors.PlaceGone, through) };
            }

            await inbox.AcknowledgeThroughAsync(reader, through, socket?.Id);
        }

        return new Done();
    }

    private async Task<JoinResponse> ListenToInboxAsync(Socket socket, HeldIdentity held, Address address, Position start, bool? recovered, (Inbox Inbox, InboxReader Reader, AckMode Mode, int Hands)? reading)
    {
        if (!socket.TryListen(address, held.Client, start, out var subscription))
        {
            return new JoinResponse { Error = TooManyChannels(socket) };
        }

        if (reading is var (inbox, reader, mode, hands))
        {
            var own = new InboxReading(inbox, reader, subscription!, mode, hands);
            subscription!.Reading = own;
            if (!await inbox.ArriveAsync(own))
            {
                await StopAsync(socket, address, held.Client);
                return new JoinResponse { Error = Excluded() };
            }

            if (subscription.IsClosed)
            {
                // Its end may have been before the lines above.
                own.End();
            }
        }

        var isClaim = reading?.Mode == AckMode.Claim;
        if (!isClaim)
        {
            _ = Task.Run(() => subscription!.Channel.CatchUpAsync(subscription));
        }

        watches.Mark(socket, held.Client, SocketChangeKind.Changed);
        var top = await engine.Log.TopAsync(address);
        return new JoinResponse { Channel = address.ToString(), Position = start, Recovered = recovered, Waiting = Math.Max(0, top.Offset - start.Offset), LeaseMs = isClaim ? (long)options.Times.InboxClaim.TotalMilliseconds : null };
    }

    private static DuplexityError? ReadReader(string? reader) => reader is null or { Length: > 0 and <= Wire.MaxNameLength }
        ? null
        : DuplexityError.Of(Errors.InvalidRequest, $"reader is a name of 1 to {Wire.MaxNameLength} characters; leave it out for the reader without a name.");

    /// <summary>Who acknowledges; null: nobody does.</summary>
    private static DuplexityError? ReadAck(JoinRequest request, out AckMode? mode)
    {
        var hasPlace = request.Since is not null || request.Last is not null;
        mode = (request.Ack ?? (hasPlace ? AckWord.None : AckWord.Auto)) switch
        {
            AckWord.Auto => AckMode.Auto,
            AckWord.Handled => AckMode.Handled,
            AckWord.Manual => AckMode.Manual,
            AckWord.Claim => AckMode.Claim,
            _ => null,
        };
        if (mode is null && request.Ack is not (null or AckWord.None))
        {
            return DuplexityError.Of(Errors.InvalidRequest, $"ack is auto, handled, manual, claim or none; \"{VisibleText.Of(request.Ack, 64)}\" is not.");
        }

        if (mode == AckMode.Claim && request.Since is not null)
        {
            return DuplexityError.Of(Errors.InvalidRequest, "What is claimed begins with what nobody has acknowledged; leave since out.");
        }

        return mode is not null && request.Last is not null
            ? DuplexityError.Of(Errors.InvalidRequest, "last looks back and would acknowledge what it leaves out; with ack leave last out, or ack: none.")
            : null;
    }

    private DuplexityError? ReadHands(JoinRequest request, AckMode? mode) => request.Hands is null || (mode == AckMode.Claim && request.Hands >= 1 && request.Hands <= options.Limits.InboxWindow)
        ? null
        : DuplexityError.Of(Errors.InvalidRequest, $"hands is from 1 to {options.Limits.InboxWindow}, and for ack: claim; what else was meant is not clear.");

    private static DuplexityError Excluded() =>
        DuplexityError.Of(Errors.InvalidRequest, "Another socket of the client reads the inbox as this reader in another way: what is claimed is claimed by all. Name a reader of your own, or use the same ack.");

    private static DuplexityError NotAcknowledged((int Code, string Name) code, Position position) => DuplexityError.Of(code, code switch
    {
        _ when code == Errors.Taken => $"The message at {VisibleText.Of(position.ToString(), 64)} has been acknowledged already.",
        _ when code == Errors.StaleAttempt => $"The message at {VisibleText.Of(position.ToString(), 64)} has been offered again since, or was not claimed by this socket; only the last attempt, by whom it was offered to, counts.",
        _ => $"{VisibleText.Of(position.ToString(), 64)} is no place of this inbox, or nothing there is offered to this reader.",
    });

    private DuplexityError TooManyReaders() =>
        DuplexityError.Of(Errors.TooManyReaders, $"An inbox has {options.Limits.InboxReaders} readers at most; those that are not used are forgotten after {options.Times.Retention.TotalDays:0.#} days.") with
        {
            Limit = "inbox_readers",
            Used = options.Limits.InboxReaders,
        };

    private DuplexityError TooManyChannels(Socket socket) =>
        DuplexityError.Of(Errors.TooManyChannels, $"A socket listens to at most {options.Limits.ChannelsPerSocket} channels; leave one first.") with { Limit = "channels_per_socket", Used = socket.Subscriptions.Count };
}
