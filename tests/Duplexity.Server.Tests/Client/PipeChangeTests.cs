using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Client;

/// <summary>A pipe that is changed while it serves.</summary>
public sealed class PipeChangeTests : IAsyncLifetime
{
    private readonly RawResource _one = Answering("one");
    private readonly RawResource _two = Answering("two");
    private TestNode _node = null!;
    private DuplexityConnection _todd = null!;

    public async Task InitializeAsync()
    {
        _node = await TestNode.StartAsync();
        _todd = await _node.ConnectAsync("todd");
    }

    public async Task DisposeAsync()
    {
        await _todd.DisposeAsync();
        await _node.DisposeAsync();
        await _one.DisposeAsync();
        await _two.DisposeAsync();
    }

    [Fact]
    public async Task Visitors_without_pause_see_the_old_one_then_the_new_one_and_no_gap()
    {
        var pipe = await _todd.Pipes.OpenAsync("cat1", _one.Authority).Soon();
        using var stop = new CancellationTokenSource();
        var began = new TaskCompletionSource();
        var visiting = Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            var seen = new List<string>();
            while (!stop.IsCancellationRequested)
            {
                seen.Add(await VisitAsync());
                began.TrySetResult();
            }

            return seen;
        })));
        await began.Task.Soon();

        var next = await pipe.ChangeAsync(_two.Authority).Soon();
        (await VisitAsync()).Should().Be("two");
        await stop.CancelAsync();

        foreach (var seen in await visiting.Soon())
        {
            seen.Should().OnlyContain(s => s == "one" || s == "two", "nobody found nothing there");
            seen.SkipWhile(s => s == "one").Should().NotContain("one", "what has changed does not change back");
        }

        next.Name.Should().Be("cat1.localhost");
        (await pipe.Closed.Soon()).Should().BeNull();
        await pipe.DisposeAsync();
        (await VisitAsync()).Should().Be("two", "who was replaced takes nothing with him");
        await next.DisposeAsync();
        (await VisitAsync()).Should().Be("404");
    }

    [Fact]
    public async Task A_change_that_is_refused_leaves_everything_as_it_was()
    {
        await using var amy = await _node.ConnectAsync("amy");
        var pipe = await _todd.Pipes.OpenAsync("cat1", _one.Authority).Soon();

        var refusal = await pipe.Awaiting(p => p.ChangeAsync(_two.Authority, new PipeOptions { HostHeader = "not a name" }).Soon()).Should().ThrowAsync<DuplexityException>();

        refusal.Which.Kind.Should().Be(ErrorKind.Request);
        pipe.Closed.IsCompleted.Should().BeFalse();
        (await VisitAsync()).Should().Be("one");
        await (await pipe.ChangeAsync(_two.Authority).Soon()).DisposeAsync();
        await pipe.Awaiting(p => p.ChangeAsync(_two.Authority).Soon()).Should().ThrowAsync<InvalidOperationException>("it is over");
    }

    [Fact]
    public async Task A_resource_that_is_not_there_is_told_until_it_is()
    {
        var nothing = FreePorts.One();
        var pipe = await _todd.Pipes.OpenAsync("cat1", $"127.0.0.1:{nothing}").Soon();
        pipe.LastFault.Should().BeNull();

        (await VisitAsync()).Should().Be("502");

        pipe.LastFault!.Sentence.Should().StartWith($"http://127.0.0.1:{nothing} cannot be reached: ");
        pipe.Connections.Should().Be(0);
        var next = await pipe.ChangeAsync(_one.Authority).Soon();
        await VisitAsync();
        next.LastFault.Should().BeNull();
    }

    private static RawResource Answering(string text) => new(async connection =>
    {
        while (await connection.ReadHeadAsync() is { Length: > 0 })
        {
            await connection.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {text.Length}\r\n\r\n{text}");
        }
    });

    private async Task<string> VisitAsync()
    {
        using var answer = await _node.VisitAsync("cat1").Soon();
        return answer.IsSuccessStatusCode ? await answer.Content.ReadAsStringAsync() : $"{(int)answer.StatusCode}";
    }
}
