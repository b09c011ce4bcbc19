using Duplexity.Links;
using Duplexity.Protocol;
using Duplexity.Reading;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Client;

/// <summary>What the SDK takes for the end of a connection: SignalR tells of the close while the reason may still wait for its handler.</summary>
public sealed class LastWordTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly TaskCompletionSource _handled = new();

    [Fact]
    [Trait("Guarantee", "G21")]
    public async Task A_reason_that_is_handled_after_the_close_is_the_reason_all_the_same()
    {
        await using var node = await TestNode.StartAsync();
        await using var link = await ClosedAsync(node);

        _handled.SetResult();

        (await link.Ended.Soon()).Should().Match<LinkEnd>(e => e.IsFinal && e.Error.Code == Errors.ForcedOut.Code && e.Error.Sentence.Contains("cleaning up"));
    }

    [Fact]
    public async Task A_close_without_a_reason_is_a_loss_after_a_moment()
    {
        await using var node = await TestNode.StartAsync();
        await using var link = await ClosedAsync(node);

        _time.Advance(TimeSpan.FromSeconds(3));

        (await link.Ended.Soon()).Should().Match<LinkEnd>(e => !e.IsFinal && e.Error.Code == Errors.Unavailable.Code);
        _handled.SetResult();
    }

    [Fact]
    public async Task A_source_of_tokens_that_says_that_the_sign_in_is_over_ends_the_connection()
    {
        await using var node = await TestNode.StartAsync();
        await using var line = new FaultyLine(node.Port);
        var isOver = false;
        await using var connection = new DuplexityConnection(
            line.Address,
            new() { Token = _ => isOver ? throw new DuplexityException(DuplexityError.Of(Errors.TokenRefused, "Sign in again.")) : ValueTask.FromResult<string?>(node.Token("ben")) });
        await connection.ConnectAsync().Soon();

        isOver = true;
        line.Cut();

        (await connection.Closed.Soon()).Should().Match<CloseReason>(r => r.Code == Errors.TokenRefused.Code && r.Sentence == "Sign in again.");
    }

    /// <summary>A link whose connection was closed by force, while the handler of the reason hangs.</summary>
    private async Task<DataLink> ClosedAsync(TestNode node)
    {
        await using var other = await node.ConnectAsync("ben");
        var hub = new HubConnectionBuilder()
            .WithUrl(new Uri(node.Address, "data"), HttpTransportType.WebSockets, o => o.AccessTokenProvider = () => Task.FromResult<string?>(node.Token("ben")))
            .Build();
        hub.On<DisconnectedEvent>(nameof(IDataClient.Disconnected), _ => _handled.Task);
        var link = new DataLink(hub, new Listeners(), _time);
        var closed = Wait.For<bool>("the close", done => hub.Closed += _ =>
        {
            done(true);
            return Task.CompletedTask;
        });
        await link.StartAsync(default).Soon();
        (await other.Sockets.CloseAsync(Address.Socket(link.SocketId), "cleaning up").Soon()).Should().Be(1);
        await closed;
        link.Ended.IsCompleted.Should().BeFalse();
        return link;
    }
}
