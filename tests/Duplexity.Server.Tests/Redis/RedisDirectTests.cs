using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Messages to a socket of another node, and answers to what it asked: as on one node.</summary>
public sealed class RedisDirectTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    [Trait("Requirement", "3.1")]
    public async Task A_request_to_a_client_of_another_node_is_answered_and_nobody_else_may_answer_it()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var amy = await pair.A.ConnectAsync("amy");
        await using var ben = await pair.B.ConnectAsync("ben");
        await using var eve = await pair.B.ConnectAsync("eve");
        using var questions = new Heard(ben.Inbox);
        var asking = amy.RequestAsync(Address.Client("ben"), "how many?", TestTimeout.Soon);

        var question = await questions.NextAsync();
        var intrusion = () => eve.SendAsync(Address.Socket(amy.SocketId), "a million");
        (await intrusion.Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(Errors.UnknownDestination.Code);
        await question.ReplyAsync("seven").Soon();

        (await asking.Soon()).Text.Should().Be("seven");
    }

    [Fact]
    [Trait("Requirement", "1.5")]
    [Trait("Requirement", "1.23")]
    public async Task A_socket_of_another_node_takes_messages_of_its_owner_and_of_the_application_and_is_not_there_for_others()
    {
        await using var pair = await RedisPair.StartAsync(redis);
        await using var there = await StockSocket.DataAsync(pair.A, "amy");
        await using var here = await StockSocket.DataAsync(pair.B, "amy");
        await using var ben = await StockSocket.DataAsync(pair.B, "ben");
        await using var control = await StockSocket.DiscoveredAsync(pair.B, "amy");
        var address = $"socket:{there.Welcome.SocketId}";

        var own = await here.SendAsync("mine", address);
        var application = await pair.B.Services.GetRequiredService<IDuplexity>().SendAsync(Address.Parse(address), "theirs");
        var strange = await ben.SendAsync("no", address);
        var nowhere = await ben.SendAsync("no", "socket:00000000000000000000000000000000");
        var explained = await control.InvokeAsync<ExplainResponse>("Explain", new ExplainRequest { Operation = "send", Target = address });

        own.Error.Should().BeNull();
        application.Should().NotBeNull();
        (await there.TextsAsync(2)).Should().Equal("mine", "theirs");
        strange.Error!.Code.Should().Be(Errors.UnknownDestination.Code);
        (strange.Error with { Sentence = "" }).Should().Be(nowhere.Error! with { Sentence = "" });
        explained.Gates!.Should().OnlyContain(g => g.Error == null);
    }
}
