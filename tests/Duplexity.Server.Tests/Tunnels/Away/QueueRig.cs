using System.Net;
using System.Text;
using System.Text.Json;
using Duplexity.Server.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Server.Tests.Tunnels.Away;

/// <summary>What tests of queues share: pauses that tests can live with, a queue's pipe, and a sender of webhooks.</summary>
internal static class QueueRig
{
    public static readonly PipeOptions Kept = new() { Offline = PipeOffline.Queue };

    public static void Quick(DuplexityOptions options)
    {
        options.Queue.Again = TimeSpan.FromMilliseconds(20);
        options.Queue.Look = TimeSpan.FromMilliseconds(50);
    }

    public static Task<TestNode> NodeAsync(Action<QueueOptions>? queue = null, Action<TestNodeSetup>? setup = null, Action<DuplexityOptions>? configure = null) => TestNode.StartAsync(s =>
    {
        s.Options = options =>
        {
            Quick(options);
            queue?.Invoke(options.Queue);
            configure?.Invoke(options);
        };
        setup?.Invoke(s);
    });

    /// <summary>A pipe of that name with a queue, whose client is gone.</summary>
    public static async Task AwayAsync(TestNode node, string client = "amy", string name = "hook")
    {
        await using (var connection = await node.ConnectAsync(client))
        {
            await connection.Pipes.OpenAsync(name, "http://127.0.0.1:9", Kept).Soon();
        }

        await GoneAsync(node, client, name);
    }

    /// <summary>Until the node has let a client's pipe go: who leaves does not wait for ever until it has.</summary>
    public static Task GoneAsync(TestNode node, string client, string name = "hook") => Wait.UntilAsync(
        () => node.Services.GetRequiredService<PublicPipes>().ListAsync(client, CancellationToken.None), pipes => pipes.All(p => p.Name != (name.Contains('.') ? name : $"{name}.localhost")));

    /// <summary>A webhook; the answer is disposed of by the caller.</summary>
    public static Task<HttpResponseMessage> PostAsync(TestNode node, string body, string path = "/stripe", string name = "hook", Action<HttpRequestMessage>? change = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(node.Listening, path)) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        change?.Invoke(request);
        return node.VisitAsync(name, request);
    }

    /// <summary>A webhook that is kept; the id that its sender is told.</summary>
    public static async Task<string> KeepAsync(TestNode node, string body, string path = "/stripe", string name = "hook", Action<HttpRequestMessage>? change = null)
    {
        using var answer = await PostAsync(node, body, path, name, change);
        answer.StatusCode.Should().Be(HttpStatusCode.Accepted);
        var id = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("id").GetString()!;
        answer.Headers.GetValues("Duplexity-Queued").Should().Equal(id);
        return id;
    }

    public static async Task<int> StatusAsync(Task<HttpResponseMessage> visit)
    {
        using var answer = await visit;
        return (int)answer.StatusCode;
    }
}
