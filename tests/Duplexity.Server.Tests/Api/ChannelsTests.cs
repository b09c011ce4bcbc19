using System.Net;
using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Api;

/// <summary>History and presence by HTTP: what a join would have given, and no more.</summary>
[Trait("Requirement", "1.19")]
public sealed class ChannelsTests(ApiHost host) : IClassFixture<ApiHost>
{
    private readonly ApiUnderTest _api = new(host.Node);

    [Fact]
    public async Task A_log_is_read_page_by_page_in_both_directions_and_from_a_place()
    {
        await FillAsync("room:log", 25);

        var pages = new List<HistoryResponse>();
        for (var next = Position.Start; next is not null; next = pages[^1].Next)
        {
            pages.Add((await _api.GetAsync($"channels/room:log/messages?limit=10&since={next}", "amy")).Read<HistoryResponse>());
        }

        var newest = (await _api.GetAsync("channels/room:log/messages?limit=2&reverse=true", "amy")).Read<HistoryResponse>();

        pages.Select(p => p.Messages!.Length).Should().Equal(10, 10, 5);
        pages.SelectMany(p => p.Messages!).Select(m => m.Text).Should().Equal(Enumerable.Range(0, 25).Select(i => $"{i}"));
        pages.Should().OnlyContain(p => p.Recovered == true);
        newest.Messages!.Select(m => m.Text).Should().Equal("24", "23");
        newest.Next.Should().Be(newest.Messages![^1].Position);
    }

    [Fact]
    [Trait("Guarantee", "G2")]
    public async Task A_place_that_cannot_be_served_says_so_and_gives_nothing()
    {
        await FillAsync("room:gone", 1);

        var answer = await _api.GetAsync("channels/room:gone/messages?since=1@another", "amy");

        answer.Status.Should().Be(HttpStatusCode.OK);
        answer.Read<HistoryResponse>().Should().BeEquivalentTo(new { Recovered = false, Messages = Array.Empty<object>() });
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=1001")]
    [InlineData("limit=ten")]
    [InlineData("limit=99999999999999999999")]
    [InlineData("limit=1&limit=2")]
    [InlineData("since=7")]
    [InlineData("since=")]
    [InlineData("reverse=yes")]
    [InlineData("limt=5")]
    public async Task A_parameter_that_is_wrong_or_unknown_is_refused_by_its_name(string query)
    {
        var answer = await _api.GetAsync($"channels/room:x/messages?{query}", "amy");

        (answer.Status, answer.Code).Should().Be((HttpStatusCode.BadRequest, 102));
        answer.Sentence.Should().Contain(query.Split('=')[0]);
    }

    [Fact]
    [Trait("Requirement", "1.28")]
    [Trait("Guarantee", "G9")]
    public async Task A_channel_that_is_not_ones_own_to_read_reads_like_one_that_is_not_there()
    {
        await FillAsync("room:secret", 1);
        (string, object) narrow = ("duplexity", new { receive = new[] { "room:a*" }, join = new[] { "room:a*" } });

        foreach (var path in (string[])["room:secret/messages", "room:nothing/messages", "client:ben/messages", "socket:x/messages", "service:audit/messages", "lockspace:l/messages", "room:secret/presence", "room:nothing/presence"])
        {
            var answer = await _api.GetAsync($"channels/{path}", "amy", narrow);
            (answer.Status, answer.Code).Should().Be((HttpStatusCode.Forbidden, 203), path);
            answer.Sentence.Replace(path.Split('/')[0], "X").Should().StartWith("X is not there, or is not yours to listen to");
        }

        (await _api.GetAsync("channels/room:all/messages", "amy", narrow)).Status.Should().Be(HttpStatusCode.OK);
        (await _api.GetAsync("channels/client:amy/messages", "amy")).Status.Should().Be(HttpStatusCode.OK);
        (await _api.GetAsync("channels/lobby/messages", "amy")).Code.Should().Be(103);
    }

    [Theory]
    [InlineData("room:a/b", "room:a%2Fb")]
    [InlineData("room:a%2Fb", "room:a%252Fb")]
    [InlineData("room:a/%2f", "room:a%2f%252f")]
    [InlineData("room:é?#&+", "room:%C3%A9%3F%23%26+")]
    [InlineData("room:..", "room:..")]
    public async Task Any_name_of_a_channel_can_stand_in_a_path(string channel, string written)
    {
        await _api.PostAsync("messages", "amy", JsonSerializer.Serialize(new { to = channel, text = channel }));

        var page = (await _api.GetAsync($"channels/{written}/messages", "amy")).Read<HistoryResponse>();

        page.Messages!.Select(m => (m.Channel, m.Text)).Should().Equal((channel, channel));
    }

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task Presence_names_each_client_with_its_sockets_and_asking_makes_nobody_present()
    {
        await using var ben = await StockSocket.DataAsync(host.Node, "ben");
        await ben.JoinAsync("room:present");
        await using var again = await StockSocket.DataAsync(host.Node, "ben");
        await again.JoinAsync("room:present");

        await _api.GetAsync("channels/room:present/presence", "amy");
        var answer = (await _api.GetAsync("channels/room:present/presence", "amy")).Read<PresenceResponse>();

        answer.Count.Should().Be(1);
        answer.Members!.Single().Client.Should().Be("ben");
        answer.Members!.Single().Sockets.Should().BeEquivalentTo([ben.Id, again.Id]);
    }

    private async Task FillAsync(string room, int count)
    {
        var messages = Enumerable.Range(0, count).Select(i => new { to = room, text = $"{i}" });
        (await _api.PostAsync("messages/batch", "ben", JsonSerializer.Serialize(new { messages }))).Status.Should().Be(HttpStatusCode.OK);
    }
}
