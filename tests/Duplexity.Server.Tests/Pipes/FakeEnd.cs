using System.Threading.Channels;
using Duplexity.Protocol;
using Duplexity.Server.Pipes;
using Duplexity.Testing;

namespace Duplexity.Server.Tests.Pipes;

/// <summary>The other end of a sender's socket without a socket: what it is asked and told waits to be read.</summary>
internal sealed class FakeEnd : ISenderEnd
{
    private readonly Channel<ChallengeEvent> _challenges = Channel.CreateUnbounded<ChallengeEvent>();
    private readonly Channel<ReceiptChangedEvent> _changes = Channel.CreateUnbounded<ReceiptChangedEvent>();
    private readonly Dictionary<string, DateTimeOffset?> _clients;

    public FakeEnd(params string[] clients)
    {
        _clients = clients.ToDictionary(c => c, _ => (DateTimeOffset?)null);
        Line = new SendLine(this);
    }

    public SendLine Line { get; }

    public ChannelReader<ChallengeEvent> Challenges => _challenges.Reader;

    public int Asked => _challenges.Reader.Count;

    /// <summary>What its clients may do; null: everything.</summary>
    public AllowanceRules? Rules { get; init; }

    /// <summary>What they have used of that.</summary>
    public Meter Meter { get; } = new();

    /// <summary>The client as it sends now.</summary>
    public Sender Sender(string? client = null)
    {
        client ??= _clients.Keys.First();
        return PipeRig.As(client, "socket") with { Line = Line, IssuedAt = _clients[client], Rules = Rules, Meter = Rules is null ? null : Meter };
    }

    /// <summary>The client's token is of this time from now on.</summary>
    public void SignIn(string client, DateTimeOffset at) => _clients[client] = at;

    /// <summary>The client falls off.</summary>
    public void Drop(string client) => _clients.Remove(client);

    /// <summary>Nothing is asked any more: whoever reads the challenges comes to their end.</summary>
    public void AskNoMore() => _challenges.Writer.Complete();

    public Task<ChallengeEvent> ChallengeAsync() => _challenges.Reader.ReadAsync().AsTask().Soon();

    public Task<ReceiptChangedEvent> ChangeAsync() => _changes.Reader.ReadAsync().AsTask().Soon();

    public Sender? Renewed(string client) => _clients.ContainsKey(client) ? Sender(client) : null;

    public void Tell(ChallengeEvent challenge) => _challenges.Writer.TryWrite(challenge);

    public void Tell(ReceiptChangedEvent changed) => _changes.Writer.TryWrite(changed);
}
