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
        pipes.List("amy").Should().ContainSingle().Which.Place!.Offset.Should().Be(0);
        await server.RemoveAsync("amy");
        pipes.List("amy").Should().BeEmpty();
        pipes.List("cleo").Should().ContainSingle();
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
}
