using Duplexity.Server.Pipes;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Xunit;

namespace Duplexity.Server.Tests.Rooms;

/// <summary>Rooms in the settings: how they are read, which pattern speaks, and with what a node must not start.</summary>
public sealed class RoomOptionsTests
{
    public static TheoryData<string> Refused => new(Settings.Keys);

    private static Dictionary<string, (string Pattern, RoomOptions Options, string Message)> Settings { get; } = new()
    {
        ["a word that says nobody"] = ("board-*", new() { Join = ["everyone"] }, "Duplexity:Rooms:board-*:Join has \"everyone\", which says nobody: use *, nobody, owner, role:NAME or client:PATTERN."),
        ["a role without a name"] = ("a", new() { Send = ["role:"] }, "Duplexity:Rooms:a:Send has \"role:\"*"),
        ["a client with a blank"] = ("a", new() { ReadHistory = ["client:a b"] }, "Duplexity:Rooms:a:ReadHistory has *"),
        ["too many words"] = ("a", new() { SeePresence = [.. Enumerable.Repeat("*", 101)] }, "Duplexity:Rooms:a:SeePresence has 101 words; at most 100 are possible."),
        ["no retention"] = ("a", new() { Retention = TimeSpan.Zero }, "Duplexity:Rooms:a:Retention is not longer than nothing; Ephemeral keeps the least."),
        ["no messages"] = ("a", new() { Messages = 0 }, "Duplexity:Rooms:a:Messages is 0; give 1 or more, or leave it out."),
        ["negative bytes"] = ("a", new() { Bytes = -1 }, "Duplexity:Rooms:a:Bytes is -1; give 1 or more, or leave it out."),
        ["no members"] = ("a", new() { Members = 0 }, "Duplexity:Rooms:a:Members is 0; give 1 or more, or leave it out."),
        ["nothing kept for a week"] = ("a", new() { Ephemeral = true, Retention = TimeSpan.FromDays(7) }, "Duplexity:Rooms:a:Ephemeral keeps a message for a minute at most; leave out Retention."),
        ["the last ten of one"] = ("a", new() { LastValueOnly = true, Messages = 10 }, "Duplexity:Rooms:a:LastValueOnly keeps one message; leave out Messages."),
        ["a kind in the pattern"] = ("room:a", new(), "Duplexity:Rooms:room:a: a pattern is of the name alone; leave out \"room:\"."),
        ["a blank in the pattern"] = ("a b", new(), "Duplexity:Rooms:a b: this is no pattern of a room's name: 1 to 255 characters, without white space and control characters."),
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task A_node_does_not_start_with_rooms_that_cannot_be_so(string what)
    {
        var (pattern, options, message) = Settings[what];
        var start = () => TestNode.StartAsync(s => s.Options = o => o.Rooms[pattern] = options);

        await start.Should().ThrowAsync<OptionsValidationException>().WithMessage(message);
    }

    [Fact]
    public async Task Settings_are_read_as_an_operator_writes_them()
    {
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Settings["Duplexity:Rooms:board-*:Join:0"] = "role:staff";
            s.Settings["Duplexity:Rooms:board-*:Join:1"] = "client:amy";
            s.Settings["Duplexity:Rooms:board-*:Retention"] = "1.00:00:00";
            s.Settings["Duplexity:Rooms:board-*:Members"] = "12";
            s.Settings["Duplexity:Rooms:board-*:LastValueOnly"] = "true";
        });

        var room = node.Services.GetRequiredService<DuplexityOptions>().Rooms["board-*"];
        room.Should().BeEquivalentTo(new RoomOptions { Join = ["role:staff", "client:amy"], Retention = TimeSpan.FromDays(1), Members = 12, LastValueOnly = true });
    }

    [Fact]
    public void The_pattern_that_says_most_speaks_first_and_what_it_leaves_out_the_next_one_says()
    {
        var options = new DuplexityOptions();
        options.Rooms["*"] = new() { Members = 100, Join = ["*"], Send = ["nobody"], Messages = 5 };
        options.Rooms["board-*"] = new() { Members = 10, Join = ["client:amy"] };
        options.Rooms["board-x"] = new() { Members = 1 };
        var patterns = new RoomPatterns(options);

        patterns.First("board-x", r => r.Members).Should().Be(1);
        patterns.First("board-y", r => r.Members).Should().Be(10);
        patterns.First("lobby", r => r.Members).Should().Be(100);
        patterns.First("board-x", r => r.Messages).Should().Be(5);
        patterns.First("board-x", r => r.Ephemeral).Should().BeNull();
        patterns.Right("board-x", RoomRight.Join).Allows("amy", null, null).Should().BeTrue();
        patterns.Right("board-x", RoomRight.Join).Allows("ben", null, null).Should().BeFalse();
        patterns.Right("board-x", RoomRight.Send).Allows("amy", null, null).Should().BeFalse();
        patterns.Right("lobby", RoomRight.Join).Allows("ben", null, null).Should().BeTrue();
        patterns.Right("lobby", RoomRight.ReadHistory).Allows("ben", null, null).Should().BeTrue();
    }
}
