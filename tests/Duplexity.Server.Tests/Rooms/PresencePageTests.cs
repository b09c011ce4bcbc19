using System.Globalization;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Tests.Api;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Rooms;

/// <summary>Who is in a room of thousands, a page at a time.</summary>
[Trait("Guarantee", "G23")]
[Trait("Guarantee", "G24")]
[Trait("Requirement", "1.11")]
public sealed class PresencePageTests
{
    private const int Clients = 2_500;

    private static readonly string[] Names = [.. Enumerable.Range(0, Clients).Select(i => $"c{i:0000}")];

    [Fact]
    public async Task A_room_of_thousands_is_told_by_pages_and_a_change_between_them_shows_in_the_version()
    {
        await using var node = await FullAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        Task<PresenceResponse> PageAsync(string? after = null, int? limit = null) => amy.InvokeAsync<PresenceResponse>("Presence", new PresenceRequest { Channel = "room:full", After = after, Limit = limit });

        var first = await PageAsync();
        var second = await PageAsync(first.Next);
        await amy.JoinAsync("room:full");
        var third = await PageAsync(second.Next);
        var none = await PageAsync(third.Members![^1].Client);
        var tooMany = await PageAsync(limit: 1_001);

        first.Members!.Concat(second.Members!).Concat(third.Members!).Select(m => m.Client).Should().Equal(Names);
        (first.Members!.Length, second.Members!.Length, third.Members!.Length, third.Next).Should().Be((1_000, 1_000, 500, null));
        (first.Count, second.Version, third.Version, third.Count).Should().Be((Clients, first.Version, first.Version + 1, Clients + 1));
        (none.Members!.Length, none.Next).Should().Be((0, null));
        tooMany.Error!.Name.Should().Be("invalid_request");
    }

    [Fact]
    public async Task A_page_has_at_most_a_megabyte_and_one_client_at_least()
    {
        await using var node = await TestNode.StartAsync();
        var presence = node.Services.GetRequiredService<IEngine>().Presence;
        for (var i = 0; i < 1_000; i++)
        {
            for (var socket = 0; socket < 50; socket++)
            {
                await presence.AddAsync(Address.Room("full"), Names[i], socket.ToString("x32", CultureInfo.InvariantCulture));
            }
        }

        var api = new ApiUnderTest(node);
        var all = new List<string>();
        var pages = 0;
        for (string? after = null; pages == 0 || after is not null; pages++)
        {
            var answer = await api.GetAsync($"channels/room:full/presence{(after is null ? "" : $"?after={after}")}", "amy");
            answer.Body.GetRawText().Length.Should().BeLessThanOrEqualTo(1024 * 1024);
            var page = answer.Read<PresenceResponse>();
            all.AddRange(page.Members!.Select(m => m.Client));
            after = page.Next;
        }

        pages.Should().Be(2);
        all.Should().Equal(Names[..1_000]);
    }

    [Fact]
    public async Task The_SDK_asks_for_all_pages_by_itself_and_goes_on_from_there()
    {
        await using var node = await FullAsync();
        await using var connection = await node.ConnectAsync("amy");
        await using var room = await connection.JoinAsync("full");
        await using var changes = room.WatchPresenceAsync().GetAsyncEnumerator();

        (await changes.MoveNextAsync().AsTask().Soon()).Should().BeTrue();
        var all = changes.Current.Now.Members.Select(m => m.Client).ToArray();
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await ben.JoinAsync("room:full");
        (await changes.MoveNextAsync().AsTask().Soon()).Should().BeTrue();
        var asked = await room.PresenceAsync();

        all.Should().Equal((string[])["amy", .. Names]);
        changes.Current.IsAsked.Should().BeFalse();
        changes.Current.Arrived.Should().Equal("ben");
        asked.Members.Select(m => m.Client).Should().Equal((string[])["amy", "ben", .. Names]);
    }

    private static async Task<TestNode> FullAsync()
    {
        var node = await TestNode.StartAsync();
        var presence = node.Services.GetRequiredService<IEngine>().Presence;
        foreach (var client in Names)
        {
            await presence.AddAsync(Address.Room("full"), client, $"socket-of-{client}");
        }

        return node;
    }
}
