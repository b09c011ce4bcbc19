using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Api;

/// <summary>
/// What an administrator does by HTTP with the listening of others. It does not lend what it lacks itself: it places clients that it may administer, in channels that it may join. Thread-safe.
/// </summary>
internal sealed class Placing(IDuplexity duplexity, JoinGates gates, ILogger<Placing> logger)
{
    /// <summary>How much of a reason the sockets are told, in characters.</summary>
    private const int ReasonLength = 256;

    /// <summary>Lets the sockets of a client listen to a channel.</summary>
    public async Task<Answer> SubscribeAsync(ApiCall call)
    {
        await call.ReadNothingAsync();
        if ((Read(call, out var client, out var channel) ?? NotItself(call, channel)) is { } refused)
        {
            return new ApiPlacedResponse { Error = refused };
        }

        Audit("subscribed", call, client, channel);
        return new ApiPlacedResponse { Sockets = await duplexity.SubscribeAsync(client, channel, CancellationToken.None) };
    }

    /// <summary>Ends what the sockets of a client listen to.</summary>
    public async Task<Answer> UnsubscribeAsync(ApiCall call)
    {
        await call.ReadNothingAsync();
        if (Read(call, out var client, out var channel) is { } refused)
        {
            return new ApiPlacedResponse { Error = refused };
        }

        Audit("unsubscribed", call, client, channel);
        var reason = call.Query("reason") is { } asked ? VisibleText.Of(asked, ReasonLength) : "An administrator ended it.";
        return new ApiPlacedResponse { Sockets = await duplexity.UnsubscribeAsync(client, channel, reason, CancellationToken.None) };
    }

    /// <summary>Why the one that asks may not join the channel itself, by its allowances or by what holds there. Who may administer everybody could act as one who may.</summary>
    private DuplexityError? NotItself(ApiCall call, Address channel) => call.Acting.Rules.MayAdministerAll && call.Acting.Rules.MayJoin(channel)
        ? null
        : gates.Read(channel.ToString(), call.Acting, isRead: false, out _);

    private void Audit(string what, ApiCall call, string client, Address channel) =>
        logger.Placed(VisibleText.Of(client, VisibleText.LogLength), what, VisibleText.Of(channel.ToString(), VisibleText.LogLength), VisibleText.Of(call.Acting.Client, VisibleText.LogLength));

    private static DuplexityError? Read(ApiCall call, out string client, out Address channel)
    {
        client = call.Path("client");
        if (!Address.TryRead(call.Path("channel"), out channel, out var problem))
        {
            return DuplexityError.Of(Errors.InvalidAddress, problem);
        }

        if (!Address.IsClientId(client))
        {
            return DuplexityError.Of(Errors.InvalidRequest, $"\"{VisibleText.Of(client, Address.MaxClientLength)}\" cannot be a client.");
        }

        // A client's own feed is heard without joining: nobody begins or ends that.
        return channel.Kind == AddressKind.Room || (channel.Kind == AddressKind.Feed && channel.Name != client)
            ? call.Acting.Rules.DeniesAdministering(client)
            : DuplexityError.Of(Errors.InvalidRequest, $"{VisibleText.Of(channel.ToString())} is neither a room nor the feed of somebody else.");
    }
}
