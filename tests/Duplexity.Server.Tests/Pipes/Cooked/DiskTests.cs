using Duplexity.Server.Engine;
using Duplexity.Server.Pipes.Cooked;
using Duplexity.Server.Tests.Engine;
using Duplexity.Server.Tests.Sockets;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;
using ServerMessagePipes = Duplexity.Server.Pipes.Cooked.MessagePipes;

namespace Duplexity.Server.Tests.Pipes.Cooked;

/// <summary>G20 where the log and the pipes' places are on a disk, and the process around them dies: each life finds the files as the one before left them, unclosed.</summary>
public sealed class DiskTests
{
    [Fact]
    [Trait("Requirement", "1.31")]
    [Trait("Guarantee", "G20")]
    public async Task Two_hundred_processes_that_die_before_or_behind_an_append_lose_and_repeat_nothing()
    {
        using var lives = new Lives();
        for (var i = 0; i < 200; i++)
        {
            await using var life = await lives.NextAsync();
            if (i == 0)
            {
                await CookedRig.SetAsync(life.Pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b", "room:c"));
            }

            var died = life.Rig.Engine.DieAtNextAppend(isMade: i % 2 == 0);
            await life.Rig.SendAsync($"{i}", "room:a");
            await died.Soon();
        }

        await using var last = await lives.NextAsync();
        await last.Rig.SettledAsync(last.Pipes, "amy");
        (await last.Rig.TextsAsync("room:b")).Should().Equal(Enumerable.Range(0, 200).Select(i => $"{i}"));
        (await last.Rig.TextsAsync("room:c")).Should().Equal(Enumerable.Range(0, 200).Select(i => $"{i}"));
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task A_place_that_was_written_down_many_processes_ago_makes_nothing_come_twice()
    {
        using var lives = new Lives();
        for (var i = 0; i < 12; i++)
        {
            await using var life = await lives.NextAsync();
            if (i == 0)
            {
                await CookedRig.SetAsync(life.Pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b", "room:c"));
            }

            await life.Rig.SendAsync($"{i}", "room:a");
            await life.Rig.SettledAsync(life.Pipes, "amy");
            if (i == 0)
            {
                await life.Pipes.Runners.StopAsync(default);
            }
        }

        await using var last = await lives.NextAsync();
        await last.Rig.SendAsync("12", "room:a");
        await last.Rig.SettledAsync(last.Pipes, "amy");
        (await last.Rig.TextsAsync("room:b")).Should().Equal(Enumerable.Range(0, 13).Select(i => $"{i}"));
        (await last.Rig.TextsAsync("room:c")).Should().Equal(Enumerable.Range(0, 13).Select(i => $"{i}"));
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task A_place_that_is_being_written_down_while_its_pipe_is_removed_does_not_come_back()
    {
        var records = new HeldRecords("message-pipe-place");
        var engine = new EmbeddedEngine(TimeProvider.System, Microsoft.Extensions.Options.Options.Create(new DuplexityOptions()), NullLogger<EmbeddedEngine>.Instance, records);
        await using var rig = new CookedRig([], engine);
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b"));
        await rig.SendAsync("hello", "room:a");
        await rig.SettledAsync(pipes, "amy");

        var sweep = records.HoldAsync();
        rig.Rig.Time.Advance(rig.Rig.Settings.MessagePipes.Sweep);
        await sweep.Soon();
        var removed = pipes.RemoveAsync("amy", null, default);
        records.LetGo();
        (await removed.Soon()).Should().BeNull();
        await records.DoneAsync().Soon();

        (await records.ListAsync("message-pipe-place")).Should().BeEmpty();
        (await records.ListAsync("message-pipes")).Should().BeEmpty("that there are none is remembered for an hour only, and by the clock of these records it is over");
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task What_a_knuckle_drew_in_a_process_that_died_the_next_ones_do_not_draw_again()
    {
        var lots = new Random(7);
        using var lives = new Lives(CookedRig.Knuckle(c =>
        {
            lock (lots)
            {
                return [c.Edges[lots.Next(c.Edges.Count)]];
            }
        }));
        for (var i = 0; i < 60; i++)
        {
            await using var life = await lives.NextAsync();
            if (i == 0)
            {
                await CookedRig.SetAsync(life.Pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b", "room:c", "room:d"));
            }

            var died = life.Rig.Engine.DieAtNextAppend(isMade: i % 3 == 0);
            await life.Rig.SendAsync($"{i}", "room:a");
            await died.Soon();
        }

        await using var last = await lives.NextAsync();
        await last.Rig.SettledAsync(last.Pipes, "amy");
        var beside = await last.Rig.StartAsync();
        for (var i = 60; i < 100; i++)
        {
            await last.Rig.SendAsync($"{i}", "room:a");
        }

        await last.Rig.SettledAsync(last.Pipes, "amy");
        await last.Rig.SettledAsync(beside, "amy");
        string?[] taken = [.. await last.Rig.TextsAsync("room:b"), .. await last.Rig.TextsAsync("room:c"), .. await last.Rig.TextsAsync("room:d")];
        taken.Should().BeEquivalentTo(Enumerable.Range(0, 100).Select(i => $"{i}"));
    }

    [Fact]
    [Trait("Requirement", "1.22")]
    [Trait("Guarantee", "G20")]
    public async Task Pipes_of_a_node_that_starts_again_go_on_before_anybody_connects()
    {
        var folder = Directory.CreateTempSubdirectory("duplexity-test-");
        try
        {
            await using (var first = await StartAsync())
            {
                await using var amy = await first.ConnectAsync("amy");
                await amy.MessagePipes.SetAsync([new() { From = "room:a", To = ["room:b"], Transform = new() { Text = "{@from}: {@id}" } }]).Soon();
            }

            await using var second = await StartAsync();
            var server = second.Services.GetRequiredService<IDuplexity>();
            var sent = await server.SendAsync(Address.Room("a"), "hello");

            var engine = second.Services.GetRequiredService<IEngine>();
            await Graph.MemoryNode.AgreeAsync(async () => (await engine.Log.TopAsync(Address.Room("b"))).Offset == 1 ? null : "The pipe carries nothing.");
            (await engine.Log.ReadAsync(Address.Room("b"), null, 10)).Entries.Should().ContainSingle().Which.Message.Text.Should().Be($"service:app: {sent.MessageId}");
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        Task<TestNode> StartAsync() => TestNode.StartAsync(s => s.Settings["Duplexity:Data"] = folder.FullName);
    }

    [Fact]
    [Trait("Requirement", "1.22")]
    [Trait("Guarantee", "G20")]
    public async Task Of_pipes_that_are_set_together_none_is_there_where_the_disk_takes_them_not_and_those_of_before_are_as_they_were()
    {
        var records = new FullRecords(isFull: false);
        var engine = new EmbeddedEngine(TimeProvider.System, Microsoft.Extensions.Options.Options.Create(new DuplexityOptions()), NullLogger<EmbeddedEngine>.Instance, records);
        await using var rig = new CookedRig([], engine);
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b"));

        records.IsFull = true;
        await FluentActions.Awaiting(() => pipes.SetAsync("amy", CookedRig.FakeOwners.All, [CookedRig.Pipe("p", "room:a", "room:c"), CookedRig.Pipe("q", "room:a", "room:d")], default)).Should().ThrowAsync<IOException>();
        await FluentActions.Awaiting(() => pipes.RemoveAsync("amy", null, default)).Should().ThrowAsync<IOException>();

        (await pipes.ListAsync("amy", default)).Should().ContainSingle().Which.To.Should().Equal("room:b");
        records.IsFull = false;
        await rig.SendAsync("hello", "room:a");
        await rig.SettledAsync(pipes, "amy");
        (await rig.TextsAsync("room:b")).Should().Equal("hello");
        (await rig.TextsAsync("room:c")).Should().BeEmpty();
        (await rig.TextsAsync("room:d")).Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task What_an_owners_pipes_have_used_is_kept_while_it_counts_or_they_are_there_and_not_for_ever()
    {
        await using var rig = new CookedRig();
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b"));
        var rates = new Duplexity.Server.Pipes.AllowanceRules(new Allowances { Limits = new() { Messages = 10, WindowMs = 3_600_000 } });
        pipes.Runners.MeterOf("amy");
        pipes.Runners.MeterOf("ben").Take(rates, 0, isTrial: false).Should().BeNull();
        for (var i = 0; i < 100; i++)
        {
            pipes.Runners.MeterOf($"idle-{i}");
        }

        rig.Rig.Time.Advance(rig.Rig.Settings.MessagePipes.Sweep);

        pipes.Runners.Meters.Should().Be(2, "ben has used something, and amy has a pipe");
        pipes.Runners.MeterOf("ben").Use(rates).Messages.Should().Be(1, "removing pipes and setting them anew gives nothing back");
    }

    private sealed record Life(CookedRig Rig, ServerMessagePipes Pipes, Action End) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            // The files are copied while everything stands where it died; only then may it tidy up.
            End();
            await Rig.DisposeAsync();
            (Rig.Rig.Engine as IDisposable)?.Dispose();
        }
    }

    private sealed class Lives(params KnuckleRegistration[] knuckles) : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("duplexity-test-");
        private readonly List<SqliteRecords> _opened = [];
        private int _life;

        private string Data => Path.Combine(_folder.FullName, $"{_life}");

        public async Task<Life> NextAsync()
        {
            var options = new DuplexityOptions();

            // The records' clock begins where the rig's does.
            var records = new SqliteRecords(Data, new FakeTimeProvider());
            _opened.Add(records);
            var log = new SqliteMessageLog(Data, ReceiptLevel.Written, TimeProvider.System, options, new DefaultRetention(options), NullLogger.Instance);
            var rig = new CookedRig([], new EmbeddedEngine(TimeProvider.System, options, log, records), null, knuckles);
            return new Life(rig, await rig.StartAsync(), () =>
            {
                var before = Data;
                _life++;
                SqliteEngineUnderTest.CopyFiles(before, Data);
            });
        }

        public void Dispose()
        {
            _opened.ForEach(r => r.Dispose());
            _folder.Delete(recursive: true);
        }
    }
}
