using Duplexity.Protocol;
using Duplexity.Server.Pipes.Cooked;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Pipes.Cooked;

/// <summary>Pipes whose owners mean it badly, or whose source is not what it was.</summary>
public sealed class HostileOwnerTests
{
    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task A_source_that_was_removed_and_begins_anew_is_carried_from_its_first_message()
    {
        await using var rig = new CookedRig();
        var pipes = await rig.StartAsync();
        foreach (var text in (string[])["1", "2", "3"])
        {
            await rig.SendAsync(text, "room:a");
        }

        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b"));
        await rig.SendAsync("4", "room:a");
        await rig.SettledAsync(pipes, "amy");
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:c"));
        await rig.Rig.Engine.Log.RemoveAsync(Address.Room("a"));

        await rig.SendAsync("new 1", "room:a");
        await rig.SettledAsync(pipes, "amy");
        await rig.SendAsync("new 2", "room:a");
        await rig.SettledAsync(pipes, "amy");
        await rig.StartAsync();

        (await rig.TextsAsync("room:b")).Should().Equal("4");
        (await rig.TextsAsync("room:c")).Should().Equal("new 1", "new 2");
    }

    [Fact]
    [Trait("Guarantee", "G22")]
    public async Task What_a_pipe_brings_into_an_inbox_fills_its_owners_part_and_not_that_of_whom_it_overheard()
    {
        await using var rig = new CookedRig(o => o.Limits.InboxMessages = 50, r => [new Server.Pipes.InboxGate(r.Inboxes)]);
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "eve", CookedRig.Pipe("p", "room:town", "client:amy"));
        await rig.Rig.Inboxes.OpenAsync(Address.Client("amy"));

        for (var i = 0; i < 12; i++)
        {
            await rig.SendAsync($"{i}", "room:town", "zed");
            await rig.SettledAsync(pipes, "eve");
        }

        (await rig.TextsAsync("client:amy")).Should().HaveCount(5, "a tenth is one sender's, also by a pipe");
        await rig.SendAsync("to you alone", "client:amy", "zed");
        (await rig.TextsAsync("client:amy")).Should().Contain("to you alone");
    }

    [Fact]
    [Trait("Guarantee", "G11")]
    [Trait("Guarantee", "G24")]
    public async Task An_owner_whose_pipes_all_stand_behind_a_gate_that_does_not_answer_holds_up_nobody_elses()
    {
        var (asked, never) = (new SemaphoreSlim(0), new TaskCompletionSource<Duplexity.Server.GateResult>());
        await using var rig = Behind(asked, never);
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "eve", [.. Enumerable.Range(0, 40).Select(i => CookedRig.Pipe($"p{i}", "room:a", "room:slow"))]);
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:b", "room:c"));
        await rig.SendAsync("x", "room:a");
        for (var i = 0; i < 4; i++)
        {
            await asked.WaitAsync().Soon();
        }

        for (var i = 0; i < 20; i++)
        {
            await rig.SendAsync($"{i}", "room:b");
        }

        await rig.SettledAsync(pipes, "amy");
        (await rig.TextsAsync("room:c")).Should().Equal(Enumerable.Range(0, 20).Select(i => $"{i}"));
        asked.CurrentCount.Should().Be(0, "four of sixteen turns are one owner's");
        never.SetResult(Duplexity.Server.GateResult.Pass);
    }

    [Fact]
    [Trait("Guarantee", "G11")]
    [Trait("Guarantee", "G24")]
    public async Task However_many_owners_have_pipes_behind_gates_that_do_not_answer_they_hold_a_turn_for_a_moment_only()
    {
        var (asked, never) = (new SemaphoreSlim(0), new TaskCompletionSource<Duplexity.Server.GateResult>());
        await using var rig = Behind(asked, never);
        var pipes = await rig.StartAsync();
        for (var owner = 0; owner < 5; owner++)
        {
            await CookedRig.SetAsync(pipes, $"eve{owner}", [.. Enumerable.Range(0, 20).Select(i => CookedRig.Pipe($"p{i}", "room:a", "room:slow"))]);
        }

        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:b", "room:c"));
        await rig.SendAsync("x", "room:a");
        for (var i = 0; i < 16; i++)
        {
            await asked.WaitAsync().Soon();
        }

        pipes.Runners.Turns.Free.Should().Be(0);
        await rig.SendAsync("y", "room:b");
        for (var i = 0; i < 84; i++)
        {
            // Each moment those that wait for a gate let others on, until all hundred do.
            while (!asked.Wait(0))
            {
                rig.Rig.Time.Advance(TimeSpan.FromMilliseconds(10));
                await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(1));
            }
        }

        await rig.SettledAsync(pipes, "amy");
        (await rig.TextsAsync("room:c")).Should().Equal("y");
        never.SetResult(Duplexity.Server.GateResult.Pass);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task All_pipes_of_a_client_together_have_so_many_bytes_and_those_of_before_are_as_they_were()
    {
        await using var rig = new CookedRig(o => o.MessagePipes.Bytes = 10_000);
        var pipes = await rig.StartAsync();
        MessagePipe Large(string id) => CookedRig.Pipe(id, "room:a", "room:b") with { Transform = new() { Text = new string('x', 4_000) } };
        await CookedRig.SetAsync(pipes, "amy", Large("p"), Large("q"));

        var refused = (await pipes.SetAsync("amy", CookedRig.FakeOwners.All, [CookedRig.Pipe("s", "room:a", "room:c"), Large("r")], default)).Error!;

        (refused.Name, refused.Limit).Should().Be(("too_many_pipes", "message_pipe_bytes"));
        (await pipes.ListAsync("amy", default)).Select(p => p.Id).Should().Equal("p", "q");
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task A_pipe_that_is_removed_leaves_those_that_lie_behind_no_larger_part_of_what_a_message_may_become()
    {
        await using var rig = new CookedRig(o => o.MessagePipes.AppendsPerMessage = 6);
        var pipes = await rig.StartAsync();
        string[] many = [.. Enumerable.Range(0, 6).Select(i => $"room:to-{i}")];
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", many));
        await CookedRig.SetAsync(pipes, "ben", CookedRig.Pipe("p", "room:a", many));
        rig.Owners.Out["ben"] = true;
        await rig.SendAsync("one", "room:a");
        await rig.SettledAsync(pipes, "amy");
        (await AppendsAsync("one")).Should().Be(3);

        (await pipes.RemoveAsync("amy", null, default)).Should().BeNull();
        await rig.SendAsync("two", "room:a");
        rig.Owners.Out.Clear();
        rig.Rig.Time.Advance(rig.Rig.Settings.MessagePipes.Sweep);
        await rig.SettledAsync(pipes, "ben");

        (await AppendsAsync("one")).Should().Be(6, "each of the two had a half, whenever it took it");
        (await AppendsAsync("two")).Should().Be(6, "this one is read by one pipe alone");

        async Task<int> AppendsAsync(string text)
        {
            var count = 0;
            foreach (var room in many)
            {
                count += (await rig.TextsAsync(room)).Count(t => t == text);
            }

            return count;
        }
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    [Trait("Requirement", "1.8")]
    public async Task Whose_token_is_revoked_while_a_gate_takes_its_time_sends_nothing_by_a_pipe_and_nothing_by_HTTP()
    {
        var (asked, goOn) = (new SemaphoreSlim(0), new TaskCompletionSource());
        await using var node = await TestNode.StartAsync(s => s.Builder = b => b.AddGate(Step.Entry, "room:slow", async _ =>
        {
            asked.Release();
            await goOn.Task;
            return Duplexity.Server.GateResult.Pass;
        }));
        await using var amy = await StockSocket.DiscoveredAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        (await amy.InvokeAsync<MessagePipesResponse>("SetMessagePipes", new SetMessagePipesRequest { Pipes = [CookedRig.Pipe("p", "room:a", "room:slow")] })).Error.Should().BeNull();
        await ben.SendAsync("by a pipe", "room:a");
        await asked.WaitAsync().Soon();
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/messages") { Content = new StringContent("""{"to":"room:slow","text":"by HTTP"}""", null, "application/json"), Headers = { Authorization = new("Bearer", node.Token("amy")) } };
        var posted = node.Http.SendAsync(request);
        await asked.WaitAsync().Soon();

        await node.Services.GetRequiredService<IDuplexity>().RevokeAsync("amy");
        goOn.SetResult();

        using var answer = await posted.Soon();
        answer.StatusCode.Should().Be(System.Net.HttpStatusCode.Unauthorized);
        (await ben.SendAsync("by who may", "room:slow")).Error.Should().BeNull();
        (await ben.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:slow" })).Messages!.Select(m => m.Text).Should().Equal("by who may");
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    public async Task Two_tokens_of_one_second_do_not_take_turns_at_a_pipe()
    {
        await using var node = await TestNode.StartAsync(s => s.Time = new FakeTimeProvider(DateTimeOffset.UtcNow));
        var owners = node.Services.GetRequiredService<IPipeOwners>();
        await using var one = await StockSocket.DataAsAsync(node, "amy", ("jti", "one"));
        await using var other = await StockSocket.DataAsAsync(node, "amy", ("jti", "other"));
        var held = node.Services.GetRequiredService<Server.Sockets.SocketIndex>().OfClient("amy").Select(s => s.Identities.All[0].Identity).ToArray();
        held.Select(h => h.TokenId).Should().BeEquivalentTo("one", "other");
        var grant = Server.Sockets.PipeOwners.GrantOf(held[0]);

        for (var i = 0; i < 4; i++)
        {
            owners.Find("amy", grant)!.Value.Grant.Should().BeSameAs(grant, "each change is a write, and another one at the next message");
            grant = Server.Sockets.PipeOwners.GrantOf(held[(i + 1) % 2]);
        }

        owners.Find("amy", grant)!.Value.Sender.Principal.Should().BeSameAs(owners.Find("amy", grant)!.Value.Sender.Principal, "what a gate has answered it is kept for");
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public void A_template_of_more_places_than_a_message_has_fields_of_interest_is_refused()
    {
        var options = new MessagePipeOptions();
        PipeCheck.Problem(Pipe(32), options).Should().BeNull();
        PipeCheck.Problem(Pipe(33), options).Should().Contain("transform.text").And.Contain("32");

        static MessagePipe Pipe(int places) => CookedRig.Pipe("p", "room:a", "room:b") with { Transform = new() { Text = "{{" + string.Concat(Enumerable.Range(0, places).Select(i => $"{{f{i}}}")) } };
    }

    /// <summary>A rig whose gate before <c>room:slow</c> says that it was asked, and does not answer before <paramref name="never"/> does.</summary>
    private static CookedRig Behind(SemaphoreSlim asked, TaskCompletionSource<Duplexity.Server.GateResult> never) => new(
        [
            PipeRig.Gate(Step.Entry, "room:slow", _ =>
            {
                asked.Release();
                return new(never.Task);
            }),
        ],
        null);
}
