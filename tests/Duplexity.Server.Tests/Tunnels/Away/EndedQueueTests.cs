using System.Net;
using System.Net.Sockets;
using System.Text;
using Duplexity.Server.Tunnels.Away;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Away;

/// <summary>Queues that end in the moment in which somebody registers them again or a visitor adds to them.</summary>
[Trait("Requirement", "3.7")]
public sealed class EndedQueueTests
{
    private const string Hook = "hook.localhost";

    [Fact]
    public async Task Who_found_a_queue_over_does_not_remove_what_was_registered_since()
    {
        await using var node = await QueueRig.NodeAsync();
        await QueueRig.AwayAsync(node);
        var store = node.Services.GetRequiredService<QueueStore>();
        var closed = (await store.TryCloseAsync((await store.FindAsync(Hook, default))!, default))!;
        var again = await store.PutAsync(closed.Pipe with { Settings = new() { Offline = "queue" } }, isHandedOver: false, default);

        (await store.RemoveAsync(closed, default)).Should().BeFalse();

        (await store.FindAsync(Hook, default)).Should().Be(again);
        again.Id.Should().Be(closed.Id, "what waits goes on to wait");
        (await QueueRig.KeepAsync(node, "x")).Should().StartWith(again.Id);
    }

    [Fact]
    public async Task A_queue_that_is_registered_while_it_ends_is_there_afterwards()
    {
        await using var node = await QueueRig.NodeAsync();
        await QueueRig.AwayAsync(node);
        var store = node.Services.GetRequiredService<QueueStore>();
        var queue = (await store.FindAsync(Hook, default))!;
        for (var round = 0; round < 300; round++)
        {
            var (old, both) = (queue, new Barrier(2));
            var ending = Task.Run(async () =>
            {
                both.SignalAndWait();
                await store.RemoveAsync(old, default);
            });
            queue = await Task.Run(async () =>
            {
                both.SignalAndWait();
                return await store.PutAsync(old.Pipe, isHandedOver: false, default);
            });
            await ending;

            (await store.FindAsync(Hook, default)).Should().Be(queue);
        }
    }

    [Fact]
    public async Task A_visitor_whose_request_was_still_coming_when_the_queue_ended_is_not_told_that_it_is_kept()
    {
        await using var node = await QueueRig.NodeAsync();
        await QueueRig.AwayAsync(node);
        var store = node.Services.GetRequiredService<QueueStore>();
        using var visitor = new TcpClient();
        await visitor.ConnectAsync(node.Listening.Host, node.Listening.Port);
        await visitor.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /stripe HTTP/1.1\r\nHost: hook.localhost:{node.Listening.Port}\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"));
        using var answer = new StreamReader(visitor.GetStream(), Encoding.ASCII);
        (await answer.ReadLineAsync().Soon()).Should().Be("HTTP/1.1 100 Continue", "its body is read, so its queue was found");

        (await store.RemoveAsync((await store.FindAsync(Hook, default))!, default)).Should().BeTrue();
        await visitor.GetStream().WriteAsync("ok"u8.ToArray());

        await answer.ReadLineAsync().Soon();
        (await answer.ReadLineAsync().Soon()).Should().StartWith("HTTP/1.1 502");
        (await QueueRig.StatusAsync(QueueRig.PostAsync(node, "x"))).Should().Be((int)HttpStatusCode.NotFound, "there is no queue");
    }
}
