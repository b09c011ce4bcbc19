using Duplexity.Protocol;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Pipes.Cooked;

/// <summary>What a message pipe does with messages, and in whose name.</summary>
public sealed class CookedTests
{
    [Fact]
    [Trait("Requirement", "1.22")]
    [Trait("Requirement", "1.24")]
    public async Task A_raw_pipe_brings_text_and_bytes_as_they_were_from_the_first_sender_by_way_of_the_pipe()
    {
        await using var rig = new CookedRig();
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b", "client:cleo"));
        byte[] bytes = [0, 1, 0xff, 0x0d];
        await rig.SendAsync(new SendRequest { To = ["room:a"], Text = "{ \"x\" : 1.0 }\u0000é😀", ContentType = "application/json", Type = "T", Re = "r", Headers = new() { ["h"] = "v" } }, "ben");
        await rig.SendAsync(new SendRequest { To = ["room:a"], Bytes = bytes }, "ben");
        await rig.SettledAsync(pipes, "amy");

        var source = await rig.LogAsync("room:a");
        foreach (var channel in (string[])["room:b", "client:cleo"])
        {
            var copies = await rig.LogAsync(channel);
            copies.Select(c => (c.Message.Text, c.Message.ContentType, c.Message.Type, c.Message.Re, c.Message.FromClient)).Should().Equal(
                ("{ \"x\" : 1.0 }\u0000é😀", "application/json", "T", "r", "ben"), (null, null, null, null, "ben"));
            copies[0].Message.Headers.Should().Equal(source[0].Message.Headers);
            copies[1].Message.Bytes.Should().Equal(bytes);
            var via = Duplexity.Server.Channels.Delivery.OnTheWire(copies[0]).Via;
            via.Should().Be(new Via { Client = "amy", Pipe = "p", Channel = "room:a", Message = source[0].Message.Id, Hops = 1 });
        }
    }

    [Fact]
    [Trait("Requirement", "1.22")]
    public async Task A_changed_pipe_does_the_new_thing_with_the_next_message_and_a_removed_one_nothing()
    {
        await using var rig = new CookedRig();
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b"));
        rig.Owners.Out["amy"] = true;
        await rig.SendAsync("before", "room:a");
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:c"));
        await rig.SendAsync("after", "room:a");
        rig.Owners.Out.Clear();
        rig.Rig.Time.Advance(rig.Rig.Settings.MessagePipes.Sweep);
        await rig.SettledAsync(pipes, "amy");

        (await rig.TextsAsync("room:b")).Should().Equal(["before"], "a change takes effect at a place of the source, however late the pipe is");
        (await rig.TextsAsync("room:c")).Should().Equal("after");
        (await pipes.RemoveAsync("ben", ["p"], default))!.Code.Should().Be(203);
        (await pipes.RemoveAsync("amy", ["p"], default)).Should().BeNull();
        await rig.SendAsync("gone", "room:a");
        (await pipes.ListAsync("amy", default)).Should().BeEmpty();
        (await (await rig.StartAsync()).ListAsync("amy", default)).Should().BeEmpty();
        (await rig.TextsAsync("room:c")).Should().Equal("after");
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    public async Task A_pipe_acts_as_its_owner_whose_rights_are_asked_at_every_message()
    {
        await using var rig = new CookedRig();
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b"));
        await rig.SendAsync("1", "room:a", "ben");
        await rig.SettledAsync(pipes, "amy");
        rig.Owners.Rights["amy"] = new() { Send = ["room:x"], Receive = ["*"] };
        await rig.SendAsync("2", "room:a", "ben");
        await rig.SettledAsync(pipes, "amy");
        rig.Owners.Rights["amy"] = new() { Send = ["*"], Receive = ["room:x"] };
        await rig.SendAsync("3", "room:a", "ben");
        await rig.SettledAsync(pipes, "amy");
        rig.Owners.Rights.Clear();
        await rig.SendAsync("4", "room:a", "ben");
        await rig.SettledAsync(pipes, "amy");

        (await rig.TextsAsync("room:b")).Should().Equal("1", "4");
        (await rig.Service.HearAsync(a => a.Action == AnnouncedAction.DeadLetter)).Should().BeEquivalentTo(new { Owner = "amy", Target = "room:a → pipe:amy/p" });
        (await rig.Service.HearAsync(a => a.Action == AnnouncedAction.Refused)).Owner.Should().Be("amy");
    }

    [Fact]
    [Trait("Guarantee", "G20")]
    [Trait("Guarantee", "G24")]
    public async Task What_is_over_the_owners_rate_or_the_pipes_limit_waits_and_comes_later_in_order()
    {
        await using var rig = new CookedRig();
        var pipes = await rig.StartAsync();
        rig.Owners.Rights["amy"] = new() { Send = ["*"], Receive = ["*"], Limits = new() { Messages = 3, WindowMs = 3_000 } };
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b"));
        await CookedRig.SetAsync(pipes, "ben", CookedRig.Pipe("p", "room:a", "room:c") with { Limit = new() { Messages = 2, WindowMs = 2_000 } });
        var (amys, bens) = (await rig.Rig.ListenAsync("room:b", "x"), await rig.Rig.ListenAsync("room:c", "x"));
        for (var i = 0; i < 6; i++)
        {
            await rig.SendAsync($"{i}", "room:a", "cleo");
        }

        (await amys.TextsAsync(3)).Should().Equal("0", "1", "2");
        (await bens.TextsAsync(2)).Should().Equal("0", "1");
        var late = Task.Run(async () => (await amys.TextsAsync(3)).Concat(await bens.TextsAsync(4)));
        while (!late.IsCompleted)
        {
            rig.Rig.Time.Advance(TimeSpan.FromSeconds(1));
            await Duplexity.Testing.Wait.InSilenceAsync(TimeSpan.FromMilliseconds(5));
        }

        (await late).Should().Equal("3", "4", "5", "2", "3", "4", "5");
    }

    [Fact]
    [Trait("Requirement", "1.31")]
    public async Task A_trace_shows_which_pipes_carried_a_message_and_which_did_not_and_why()
    {
        await using var rig = new CookedRig();
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "ben", CookedRig.Pipe("on", "room:a", "room:b"));
        await CookedRig.SetAsync(pipes, "cleo", CookedRig.Pipe("off", "room:a", "room:c"));
        rig.Owners.Rights["cleo"] = new() { Send = [], Receive = ["*"] };
        rig.Rig.Traces.Start(Address.Client("amy"), TimeSpan.FromMinutes(1)).Should().BeTrue();
        rig.Rig.Traces.Start(Address.Room("b"), TimeSpan.FromMinutes(1)).Should().BeTrue();
        await rig.SendAsync("hi", "room:a");
        await rig.SettledAsync(pipes, "ben", "cleo");

        var (sent, copy) = ((await rig.LogAsync("room:a")).Single().Message.Id, (await rig.LogAsync("room:b")).Single().Message.Id);
        var hops = rig.Rig.Traces.Find(sent)!.Hops;
        hops.Should().Contain(h => h.Channel == ServiceChannel.Cooked && h.Action == AnnouncedAction.Passed && h.Target == "room:a → pipe:ben/on" && h.Note == copy);
        hops.Should().Contain(h => h.Channel == ServiceChannel.Cooked && h.Action == AnnouncedAction.DeadLetter && h.Target == "room:a → pipe:cleo/off" && h.Note == "room:c" && h.Error!.Name == "unknown_destination");
        var behind = rig.Rig.Traces.Find(copy)!;
        behind.Owner.Should().Be("ben");
        behind.Hops.Select(h => (h.Channel, h.Action)).Should().ContainInOrder((ServiceChannel.Of(Step.Ingress), AnnouncedAction.Entered), (ServiceChannel.Of(Step.Entry), AnnouncedAction.Passed));
    }

    [Theory]
    [InlineData("{\"t\":21.5,\"room\":{\"name\":\"hall\"},\"secret\":1}", "{\"temperature\":21.5,\"room\":{\"name\":\"hall\"}}", "ben: 21.5 in hall {x} of room:a")]
    [Trait("Requirement", "1.24")]
    public async Task A_cooked_pipe_filters_selects_renames_stamps_and_fills_in_a_text(string body, string reshaped, string filled)
    {
        await using var rig = new CookedRig();
        var pipes = await rig.StartAsync();
        var filter = new MessageFilter { Clients = ["b*"], Type = "T", Headers = new() { ["h"] = "1" }, Fields = new() { ["room.name"] = "hall" } };
        var shape = new MessageTransform { Select = ["t", "room"], Rename = new() { ["t"] = "temperature" }, RemoveHeaders = ["h"], SetHeaders = new() { ["by"] = "amy" }, Type = "U" };
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b") with { Filter = filter, Transform = shape });
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("q", "room:a", "room:c") with { Filter = filter, Transform = new() { Text = "{@from}: {t} in {room.name}{nothing} {{x} of {@channel}" } });
        var taken = new SendRequest { To = ["room:a"], Text = body, ContentType = "application/json", Type = "T", Headers = new() { ["h"] = "1" } };
        await rig.SendAsync(taken, "ben");
        await rig.SendAsync(taken, "cleo");
        await rig.SendAsync(taken with { Type = "V" }, "ben");
        await rig.SendAsync(taken with { Headers = null }, "ben");
        await rig.SendAsync(taken with { Text = "no JSON" }, "ben");
        await rig.SettledAsync(pipes, "amy");

        var made = (await rig.LogAsync("room:b")).Should().ContainSingle().Subject.Message;
        (made.Text, made.Type, made.FromClient).Should().Be((reshaped, "U", "ben"));
        made.Headers.Should().Equal(new Dictionary<string, string> { ["by"] = "amy" });
        (await rig.TextsAsync("room:c")).Should().Equal(filled);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task What_a_transform_cannot_be_made_of_and_what_grows_beyond_64_KB_is_a_dead_letter_and_the_next_one_comes()
    {
        await using var rig = new CookedRig();
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:a", "room:b") with { Transform = new() { Select = ["t"] } });
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("q", "room:a", "room:c") with { Transform = new() { Text = string.Concat(Enumerable.Repeat("{t}", 32)) } });
        await rig.SendAsync("no JSON", "room:a");
        await rig.SendAsync($"{{\"t\":\"{new string('x', 3000)}\"}}", "room:a");
        await rig.SendAsync("{\"t\":\"y\"}", "room:a");
        await rig.SettledAsync(pipes, "amy");

        (await rig.LogAsync("room:b")).Should().HaveCount(2);
        (await rig.TextsAsync("room:c")).Should().Equal("", new string('y', 32));
        await rig.Service.HearAsync(a => a.Action == AnnouncedAction.DeadLetter && a.Target!.EndsWith("/p", StringComparison.Ordinal));
        await rig.Service.HearAsync(a => a.Action == AnnouncedAction.DeadLetter && a.Target!.EndsWith("/q", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Requirement", "1.30")]
    public async Task A_knuckle_picks_among_the_edges_may_announce_and_fails_closed()
    {
        await using var rig = new CookedRig(null, CookedRig.Knuckle(c =>
        {
            c.Announce($"{c.Message.From.Client} wants {c.Message.Text}");
            return c.Message.Text switch
            {
                "b" => [Address.Room("b")],
                "none" => [],
                "other" => [Address.Room("b"), Address.Room("other")],
                _ => throw new InvalidOperationException(),
            };
        }));
        var pipes = await rig.StartAsync();
        await CookedRig.SetAsync(pipes, "amy", CookedRig.Pipe("p", "room:z", "room:a", "room:b", "room:c"));
        foreach (var text in (string[])["none", "other", "throw", "b"])
        {
            await rig.SendAsync(text, "room:z", "ben");
        }

        await rig.SettledAsync(pipes, "amy");

        (await rig.TextsAsync("room:b")).Should().Equal("b");
        (await rig.LogAsync("room:a")).Concat(await rig.LogAsync("room:c")).Concat(await rig.LogAsync("room:other")).Should().BeEmpty();
        (await rig.Service.HearAsync(a => a.Note == "ben wants b")).Action.Should().Be(AnnouncedAction.Said);
        await rig.Service.HearAsync(a => a.Action == AnnouncedAction.Passed && a.Target is "room:z → pipe:amy/p");
        rig.Service.Heard.Where(a => a.Action == AnnouncedAction.DeadLetter).Select(a => a.Error!.Sentence).Should().Equal(
            "The knuckles left no edge.", "The knuckle Lots chose room:other, which is no edge of this pipe.", "The knuckle Lots failed with InvalidOperationException.");
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task What_cannot_be_a_pipe_is_refused_with_what_is_wrong_and_leaves_nothing()
    {
        await using var rig = new CookedRig();
        var pipes = await rig.StartAsync();
        var good = CookedRig.Pipe("p", "room:a", "room:b");
        MessagePipe[] wrong =
        [
            good with { Id = "P!" }, good with { From = "nowhere" }, good with { From = "socket:1" }, good with { To = [] }, good with { To = ["room:a"] },
            good with { To = [.. Enumerable.Range(0, 21).Select(i => $"room:{i}")] }, good with { Limit = new() }, good with { Transform = new() { Text = new string('x', 5000) } },
            good with { Filter = new() { Clients = [] } },
        ];
        foreach (var pipe in wrong)
        {
            (await pipes.SetAsync("amy", CookedRig.FakeOwners.All, [good, pipe], default)).Error!.Code.Should().Be(102);
        }

        (await pipes.SetAsync("amy", CookedRig.FakeOwners.All, [.. Enumerable.Range(0, 101).Select(i => good with { Id = $"p{i}" })], default)).Error!.Limit.Should().Be("message_pipes_per_client");
        (await pipes.ListAsync("amy", default)).Should().BeEmpty();
    }
}
