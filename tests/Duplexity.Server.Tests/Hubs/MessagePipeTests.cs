using Duplexity.Cli;
using Duplexity.Server.Tests.Cli;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>Message pipes of a real node: by the SDK and from the command line.</summary>
public sealed class MessagePipeTests
{
    [Fact]
    [Trait("Requirement", "1.22")]
    [Trait("Requirement", "1.29")]
    public async Task A_pipe_that_is_set_live_routes_the_next_message_and_goes_on_while_its_owner_is_away()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        await using var room = await ben.JoinAsync("b");
        await using (var amy = await node.ConnectAsync("amy"))
        {
            var set = await amy.MessagePipes.SetAsync([new() { From = "room:a", To = ["room:b"], Transform = new() { Text = "{@from} says {word}" } }]).Soon();
            set.Should().ContainSingle().Which.Id.Should().NotBeNullOrEmpty();
            (await amy.MessagePipes.ListAsync().Soon()).Should().ContainSingle().Which.State.Should().Be("running");
        }

        await using var cleo = await node.ConnectAsync("cleo");
        await cleo.SendAsync(Address.Room("a"), new { word = "hi" }).Soon();

        await using var messages = room.ReadAllAsync().GetAsyncEnumerator();
        (await messages.MoveNextAsync().Soon()).Should().BeTrue();
        (messages.Current.Text, messages.Current.From.Client, messages.Current.Via!.Client, messages.Current.Via.Channel).Should().Be(("cleo says hi", "cleo", "amy", "room:a"));
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    public async Task The_pipes_of_a_client_that_is_disabled_stand_still_and_those_of_one_that_is_removed_are_gone()
    {
        await using var node = await TestNode.StartAsync();
        var server = (IDuplexity)node.Services.GetService(typeof(IDuplexity))!;
        var pipes = (Duplexity.Server.Pipes.Cooked.MessagePipes)node.Services.GetService(typeof(Duplexity.Server.Pipes.Cooked.MessagePipes))!;
        await using var ben = await node.ConnectAsync("ben");
        await using var room = await ben.JoinAsync("b");
        await using var amy = await node.ConnectAsync("amy");
        await amy.MessagePipes.SetAsync([new() { Id = "amys", From = "room:a", To = ["room:b"] }]).Soon();
        await using var cleo = await node.ConnectAsync("cleo");
        await cleo.MessagePipes.SetAsync([new() { Id = "cleos", From = "room:a", To = ["room:b"], Transform = new() { Text = "cleo's" } }]).Soon();

        await server.DisableAsync("amy");
        await cleo.SendAsync(Address.Room("a"), "hi").Soon();
        await using var messages = room.ReadAllAsync().GetAsyncEnumerator();
        (await messages.MoveNextAsync().Soon()).Should().BeTrue();

        messages.Current.Text.Should().Be("cleo's");
        (await pipes.ListAsync("amy", default)).Should().ContainSingle().Which.Place!.Offset.Should().Be(0);
        await server.RemoveAsync("amy");
        (await pipes.ListAsync("amy", default)).Should().BeEmpty();
        (await pipes.ListAsync("cleo", default)).Should().ContainSingle();
    }

    [Fact]
    public async Task Pipes_are_added_listed_and_removed_from_the_command_line()
    {
        await using var node = await TestNode.StartAsync();
        using var amy = new CliUnderTest(node, "amy");

        (await amy.RunAsync("pipe", "add", "a", "b", "client:ben", "--id", "mine", "--field", "kind=alarm", "--text", "{@from}").Soon()).Should().Be(ExitCode.Done);
        (await amy.RunAsync("pipe", "list").Soon()).Should().Be(ExitCode.Done);
        (await amy.RunAsync("pipe", "add", "a", "a").Soon()).Should().NotBe(ExitCode.Done);
        (await amy.RunAsync("pipe", "remove", "mine").Soon()).Should().Be(ExitCode.Done);
        (await amy.RunAsync("pipe", "remove", "mine").Soon()).Should().Be(ExitCode.NotAllowed);

        amy.Output[0].Should().Be("mine");
        amy.Output.Should().Contain(l => l.Contains("mine") && l.Contains("room:a") && l.Contains("room:b client:ben") && l.Contains("running"));
    }

    [Fact]
    [Trait("Requirement", "1.30")]
    public async Task A_knuckle_of_the_application_is_asked_at_the_channels_that_it_was_added_for_and_nowhere_else()
    {
        await using var node = await TestNode.StartAsync(s => s.Builder = b => b.AddKnuckle<Triage>("room:orders-*"));
        await using var ben = await node.ConnectAsync("ben");
        await using var large = await ben.JoinAsync("large");
        await using var small = await ben.JoinAsync("small");
        using var larges = new Heard(large);
        using var smalls = new Heard(small);
        await using var amy = await node.ConnectAsync("amy");
        await amy.MessagePipes.SetAsync([new() { From = "room:orders-1", To = ["room:large", "room:small"] }, new() { From = "room:other", To = ["room:large", "room:small"] }]).Soon();

        await amy.SendAsync(Address.Room("orders-1"), "large").Soon();
        await amy.SendAsync(Address.Room("orders-1"), "small").Soon();
        (await larges.TextsAsync(1)).Should().Equal("large");
        (await smalls.TextsAsync(1)).Should().Equal("small");
        await amy.SendAsync(Address.Room("other"), "end").Soon();

        (await larges.TextsBeforeAsync("end")).Should().BeEmpty();

        // What comes to both destinations comes to this socket once, under the first.
        await amy.SendAsync(Address.Room("small"), "end").Soon();
        (await smalls.TextsBeforeAsync("end")).Should().BeEmpty();
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    public async Task A_pipe_has_the_rights_of_its_owners_newest_token_from_the_next_message_on_and_keeps_them_when_that_is_gone()
    {
        await using var node = await TestNode.StartAsync();
        var pipes = (Duplexity.Server.Pipes.Cooked.MessagePipes)node.Services.GetService(typeof(Duplexity.Server.Pipes.Cooked.MessagePipes))!;
        var engine = (Duplexity.Server.Engine.IEngine)node.Services.GetService(typeof(Duplexity.Server.Engine.IEngine))!;
        await using var ben = await node.ConnectAsync("ben");
        await using var amy = await ConnectAsync(secondsAgo: 40, "*");
        await amy.MessagePipes.SetAsync([new() { From = "room:a", To = ["room:b"] }]).Soon();
        await CarryAsync("1");
        await using (await ConnectAsync(secondsAgo: 20, "room:x"))
        {
            await CarryAsync("2");
        }

        await CarryAsync("3");
        await using var again = await ConnectAsync(secondsAgo: 0, "room:*");
        await CarryAsync("4");
        await CarryAsync("5");

        (await engine.Log.ReadAsync(Address.Room("b"), null, 10)).Entries.Select(e => e.Message.Text).Should().Equal("1", "4", "5");
        await Graph.MemoryNode.AgreeAsync(async () => (await engine.Records.ListAsync("message-pipes")).Single().Value.Contains("\"room:*\"") ? null : "The newest rights are not written down.");

        Task<DuplexityConnection> ConnectAsync(int secondsAgo, string send) => node.ConnectAsync("amy", o => o with
        {
            Token = _ => ValueTask.FromResult<string?>(node.Token("amy", null, ("iat", DateTimeOffset.UtcNow.AddSeconds(-secondsAgo).ToUnixTimeSeconds()), ("duplexity", new { send = new[] { send } }))),
        });

        async Task CarryAsync(string text)
        {
            await ben.SendAsync(Address.Room("a"), text).Soon();
            await Graph.MemoryNode.AgreeAsync(async () => (await pipes.ListAsync("amy", default)).Single().Place == await engine.Log.TopAsync(Address.Room("a")) ? null : "The pipe does not come to the end.");
        }
    }

    private sealed class Triage(IDuplexity server) : IKnuckle
    {
        public async ValueTask<IReadOnlyCollection<Address>> ChooseAsync(KnuckleContext context, CancellationToken ct)
        {
            (await server.ListSocketsAsync(context.Owner, ct)).Should().NotBeEmpty();
            return [.. context.Edges.Where(e => e.Name == context.Message.Text)];
        }
    }
}
