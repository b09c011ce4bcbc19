using Duplexity.Protocol;
using Duplexity.Server.Sockets;

namespace Duplexity.Server;

/// <inheritdoc/>
internal sealed class InProcessInboxes(Listening listening, ApplicationActing acting) : IDuplexityInboxes
{
    public async Task<InboxPage> ReadAsync(string? client = null, string? reader = null, int limit = 100, CancellationToken ct = default)
    {
        var (page, refused) = await listening.ReadInboxAsync(acting.As(client), reader, limit);
        return page ?? throw new DuplexityException(refused!);
    }

    public Task AcknowledgeThroughAsync(Position through, string? client = null, string? reader = null, CancellationToken ct = default) =>
        AcknowledgeAsync(client, new AcknowledgeRequest { Reader = reader, Through = through });

    public Task AcknowledgeAsync(Position position, string? client = null, string? reader = null, int? attempt = null, CancellationToken ct = default) =>
        AcknowledgeAsync(client, new AcknowledgeRequest { Reader = reader, Position = position, Attempt = attempt });

    private async Task AcknowledgeAsync(string? client, AcknowledgeRequest request)
    {
        var held = acting.As(client);
        ApplicationActing.Accepted(await listening.AcknowledgeAsync(null, held, request with { Channel = Address.Client(held.Client).ToString() }));
    }
}
