using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Client;

public sealed class RequestTests
{
    [Fact]
    public async Task A_request_gets_its_answer_at_its_socket_without_the_inbox_being_read()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await using var ben = await node.ConnectAsync("ben");
        ben.Inbox.OnMessage(async (question, stop) => await question.ReplyAsync($"{question.Text}? yes", ct: stop));

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => amy.RequestAsync(Address.Client("ben"), $"{i}", TimeSpan.FromSeconds(30))));

        answers.Select(a => a.Text).Should().Equal(Enumerable.Range(0, 50).Select(i => $"{i}? yes"));
        answers.Should().OnlyContain(a => a.From.Client == "ben" && a.Channel == Address.Socket(amy.SocketId));
        using var heard = new Heard(amy.Inbox);
        await amy.Inbox.JoinAsync();
        await ben.SendAsync(Address.Client("amy"), "the end");
        (await heard.TextsBeforeAsync("the end")).Should().BeEmpty("an answer is for who asked, and does not wait in the inbox");
    }

    [Fact]
    public async Task Without_an_answer_in_time_it_says_so_and_nobody_else_may_send_to_the_socket()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await node.ConnectAsync("amy");
        await using var ben = await node.ConnectAsync("ben");

        var asking = () => amy.RequestAsync(Address.Client("ben"), "anybody there?", TimeSpan.FromMilliseconds(50));
        (await asking.Should().ThrowAsync<DuplexityException>()).Which.Name.Should().Be("no_reply");

        var uninvited = () => ben.SendAsync(Address.Socket(amy.SocketId), "hello", new SendOptions { Re = "made up" });
        (await uninvited.Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(203);
        using var questions = new Heard(ben.Inbox);
        await (await questions.NextAsync()).ReplyAsync("late, but allowed");
        using var heard = new Heard(amy.Inbox);
        (await heard.NextAsync()).Text.Should().Be("late, but allowed", "whom nobody waits for any more is a message like others");
    }

    [Fact]
    public async Task An_answer_to_a_socket_that_is_gone_waits_in_the_inbox()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await node.ConnectAsync("ben");
        using var questions = new Heard(ben.Inbox);
        Message question;
        await using (var amy = await node.ConnectAsync("amy"))
        {
            var asking = amy.RequestAsync(Address.Client("ben"), "?", TimeSpan.FromSeconds(30));
            question = await questions.NextAsync();
            await amy.DisposeAsync();
            var gone = () => asking;
            await gone.Should().ThrowAsync<DuplexityException>("the connection is over, and so is the wait");
        }

        await node.Logs.WaitForAsync("amy's socket is gone", l => l.Event.Id == 2003 && l.Text.Contains("amy", StringComparison.Ordinal));
        await question.ReplyAsync("!");

        await using var back = await node.ConnectAsync("amy");
        using var heard = new Heard(back.Inbox);
        var answer = await heard.NextAsync();
        (answer.Text, answer.Re).Should().Be(("!", question.Id));
    }
}
