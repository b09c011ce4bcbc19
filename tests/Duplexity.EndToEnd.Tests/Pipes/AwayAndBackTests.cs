using System.Net;
using System.Text;
using System.Text.Json;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes;

/// <summary>Webhooks while the real program, or the real service, is killed.</summary>
public sealed class AwayAndBackTests
{
    private const string Canary = "canary-7f3a91";

    [Fact]
    [Trait("Requirement", "3.7")]
    [Trait("Guarantee", "G12")]
    [Trait("Guarantee", "G25")]
    public async Task Fifty_webhooks_outlive_the_program_and_then_the_service_and_come_in_order_once_and_unread()
    {
        await using var service = await RealService.StartAsync("--Duplexity:Times:ClientTimeout=00:00:06", "--Duplexity:Times:KeepAlive=00:00:01", "--Duplexity:Times:SessionGrace=00:00:01");
        await using var app = await HookApp.StartAsync();
        var up = await service.UpAsync("todd", $"hook=127.0.0.1:{app.Port}", "--offline", "queue");
        using var sender = service.Visitor("hook");
        (await PostAsync(sender, 0)).StatusCode.Should().Be(HttpStatusCode.OK);
        (await app.NextAsync()).Replayed.Should().BeNull();

        up.Kill();
        var ids = new List<string>();
        for (var i = 1; i <= 50; i++)
        {
            if (i == 25)
            {
                service.Process.Kill();
                await service.StartAgainAsync();
            }

            var answer = await PostAsync(sender, i);
            while (answer.StatusCode == HttpStatusCode.BadGateway)
            {
                // On its way to a program that had just died: its sender is told so, and nothing of it is kept.
                i.Should().Be(1);
                answer = await PostAsync(sender, i);
            }

            answer.StatusCode.Should().Be(HttpStatusCode.Accepted);
            ids.Add(JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("id").GetString()!);
        }

        foreach (var file in Directory.EnumerateFiles(service.Data, "messages.db*"))
        {
            var bytes = await File.ReadAllBytesAsync(file);
            bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(Canary)).Should().Be(-1, "what is kept is sealed ({0})", file);
        }

        service.Process.Kill();
        await service.StartAgainAsync();
        await service.UpAsync("todd", $"hook=127.0.0.1:{app.Port}", "--offline", "queue");

        for (var i = 1; i <= 50; i++)
        {
            var hooked = await app.NextAsync();
            (hooked.Body, hooked.Replayed, hooked.Attempt).Should().Be(($"{Canary} {i}", ids[i - 1], "1"));
        }

        app.HasNothing.Should().BeTrue();
        service.AllOutput.Should().NotContain(Canary);
    }

    [Fact]
    public async Task What_was_given_up_is_listed_replayed_and_the_queue_ended_on_the_command_line()
    {
        await using var node = await TestNode.StartAsync(setup => setup.Options = options =>
        {
            options.Queue.Attempts = 1;
            options.Queue.Look = TimeSpan.FromMilliseconds(50);
        });
        await using var app = await HookApp.StartAsync();
        var status = 500;
        app.Answer = (_, response) =>
        {
            response.StatusCode = status;
            return Task.CompletedTask;
        };
        await using (var amy = await node.ConnectAsync("amy"))
        {
            await amy.Pipes.OpenAsync("hook", "9", new PipeOptions { Offline = PipeOffline.Queue }).Soon();
        }

        using var kept = await node.VisitAsync("hook", "/\u001b[31mred", HttpMethod.Post, new StringContent("x"));
        var id = kept.Headers.GetValues("Duplexity-Queued").Single();
        await using var up = CliProcess.Start(node, "amy", "up", $"hook=127.0.0.1:{app.Port}", "--offline", "queue");
        await up.LineAsync("ready ");
        (await app.NextAsync()).Attempt.Should().Be("1");
        await up.LineAsync("500");

        status = 200;
        await RunAsync("queue", "replay", id);
        (await app.NextAsync()).Attempt.Should().Be("2");
        (await RunAsync("queue")).Should().Contain("hook.localhost");
        await RunAsync("queue", "remove", "hook");
        (await RunAsync("queue")).Should().NotContain("hook.localhost");

        async Task<string> RunAsync(params string[] arguments)
        {
            await using var cli = CliProcess.Start(node, "amy", arguments);
            (await cli.ExitAsync()).Should().Be(0, cli.Output);
            cli.Output.Should().NotContain("\u001b[31m");
            return cli.Output;
        }
    }

    private static Task<HttpResponseMessage> PostAsync(HttpClient sender, int i) => sender.PostAsync($"/hooks?n={i}", new StringContent($"{Canary} {i}"));
}
