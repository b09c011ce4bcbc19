using System.Net;
using System.Text;
using Duplexity.Protocol;
using Duplexity.Server.Tests.Tunnels.Inspection;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Api;

/// <summary>What came in at a pipe, by HTTP: the data for a page that shows it.</summary>
public sealed class ApiExchangeTests
{
    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task Exchanges_are_listed_read_and_replayed_by_their_owner_alone()
    {
        await using var cat = await InspectedPipe.StartAsync();
        var api = new ApiUnderTest(cat.Node);
        var (_, visited) = await cat.VisitAsync(HttpMethod.Post, "/hook", new StringContent("hello"));
        var id = visited.Exchange.Id;

        var listed = await api.GetAsync("pipes/cat1/exchanges?last=5", "amy");
        var read = await api.GetAsync($"pipes/cat1.localhost/exchanges/{id}", "amy");
        var replayed = await api.PostAsync($"pipes/cat1/exchanges/{id}/replay", "amy", """{"method":"PUT","headers":[{"name":"X-Mine","value":"1"}],"text":"again"}""");
        var foreign = await api.GetAsync("pipes/cat1/exchanges", "ben");
        var nobodys = await api.GetAsync("pipes/nobodys/exchanges", "ben");
        var wrong = await api.PostAsync($"pipes/cat1/exchanges/{id}/replay", "amy", """{"target":"/a b"}""");

        listed.Read<ListExchangesResponse>().Exchanges!.Single().Id.Should().Be(id);
        Encoding.UTF8.GetString(read.Read<ReadExchangeResponse>().Exchange!.Request.Body!).Should().Be("hello");
        (await cat.NextAsync()).Should().BeEquivalentTo(new { replayed.Read<ReplayExchangeResponse>().Id, ReplayOf = id, Method = "PUT" });
        cat.Received.Last().Should().Match<(string Head, string Body)>(r => r.Body == "again" && r.Head.Contains("X-Mine: 1"));
        (foreign.Status, foreign.Code).Should().Be((HttpStatusCode.Forbidden, 203));
        foreign.Body.ToString().Should().Be(nobodys.Body.ToString());
        (wrong.Status, wrong.Code).Should().Be((HttpStatusCode.BadRequest, 102));
    }
}
