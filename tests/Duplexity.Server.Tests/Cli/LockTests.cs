using Duplexity.Cli;
using Duplexity.Cli.Commands;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

/// <summary><c>duplexity lock</c>, in this process, with real children.</summary>
public sealed class LockTests : IAsyncLifetime
{
    private TestNode _node = null!;

    public async Task InitializeAsync() => _node = await TestNode.StartAsync();

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task The_command_runs_under_the_lock_with_its_token_and_its_exit_code_is_passed_on()
    {
        using var amy = new CliUnderTest(_node, "amy");
        var token = Path.Combine(amy.Folder, "token");

        (await amy.RunAsync("lock", "board/card", "--", "sh", "-c", $"echo $DUPLEXITY_FENCING_TOKEN > {token}; exit 7").Soon()).Should().Be(7);
        (await amy.RunAsync("lock", "board/card", "--try", "--", "true").Soon()).Should().Be(ExitCode.Done, "the lock was given back");

        long.Parse(await File.ReadAllTextAsync(token)).Should().BePositive();
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    public async Task A_lock_that_somebody_has_is_not_waited_for_with_try_and_its_holder_is_named()
    {
        await using var ben = await _node.ConnectAsync("ben");
        await using var space = await ben.EnterAsync("board").Soon();
        await using var held = await space.AcquireAsync("card").Soon();
        using var amy = new CliUnderTest(_node, "amy");

        (await amy.RunAsync("lock", "board/card", "--try", "--", "touch", Path.Combine(amy.Folder, "ran")).Soon()).Should().Be(ExitCode.Failed);
        (await amy.RunAsync("lock", "board/card", "--wait", "100ms", "--", "touch", Path.Combine(amy.Folder, "ran")).Soon()).Should().Be(ExitCode.Failed);

        amy.Error[0].Should().Contain("ben holds board/card");
        File.Exists(Path.Combine(amy.Folder, "ran")).Should().BeFalse();
    }

    [Fact]
    [Trait("Requirement", "1.15")]
    [Trait("Guarantee", "G17")]
    public async Task When_the_lock_is_lost_the_command_is_told_to_end()
    {
        using var amy = new CliUnderTest(_node, "amy");
        var (ready, told) = (Path.Combine(amy.Folder, "ready"), Path.Combine(amy.Folder, "told"));
        using var watch = new FileSystemWatcher(amy.Folder) { EnableRaisingEvents = true };
        var running = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        watch.Created += (_, e) => _ = e.Name == "ready" && running.TrySetResult();
        var run = amy.RunAsync("lock", "board/card", "--", "sh", "-c", $"trap 'touch {told}; exit 0' TERM; touch {ready}; while :; do sleep 0.05; done");
        await running.Task.Soon();
        await using var admin = await StockSocket.DiscoveredAsync(_node, "root", ("role", "admin"));

        await admin.InvokeAsync<Done>("BreakLock", new BreakLockRequest { Lockspace = "board", Name = "card" });

        (await run.Soon()).Should().Be(ExitCode.Failed);
        File.Exists(told).Should().BeTrue();
        amy.Error[^1].Should().Contain("board/card was lost");
    }

    [Theory]
    [InlineData("lock", "board", "--", "true")]
    [InlineData("lock", "board/", "--", "true")]
    [InlineData("lock", "board/card", "--wait", "soon", "--", "true")]
    [InlineData("lock", "board/card", "--wait", "1s", "--try", "--", "true")]
    [InlineData("lock", "board/card")]
    [InlineData("lock", "board/card", "--", "/no/such/program")]
    public async Task What_cannot_be_is_a_usage_error(params string[] args)
    {
        using var amy = new CliUnderTest(_node, "amy");

        (await amy.RunAsync(args).Soon()).Should().Be(ExitCode.Usage);
    }

    [Theory]
    [InlineData("500ms", 500)]
    [InlineData("30", 30_000)]
    [InlineData("30s", 30_000)]
    [InlineData("5m", 300_000)]
    [InlineData("1h", 3_600_000)]
    public void Times_are_written_as_people_write_them(string text, int ms) => LockCommand.Duration(text).Should().Be(TimeSpan.FromMilliseconds(ms));
}
