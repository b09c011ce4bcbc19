using CsCheck;
using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;

namespace Duplexity.Testing;

public abstract partial class EngineSpecification
{
    private static readonly Gen<(bool Add, int Channel, string Client, string Socket)[]> PresenceChanges =
        Gen.Select(Gen.Bool, Gen.Int[0, 1], Gen.OneOf("AMY", "amy", "Ben", "ÄMY"), Gen.OneOf("s1", "s2", "S1")).Array[0, 40];

    [Fact]
    [Trait("Guarantee", "G23")]
    public async Task Presence_is_a_set_whose_version_counts_its_changes()
    {
        await using var engine = await CreateAsync();
        var run = 0;
        await PresenceChanges.SampleAsync(async changes =>
        {
            var number = Interlocked.Increment(ref run);
            Address[] channels = [Address.Room($"a{number}"), Address.Room($"b{number}")];
            var sets = channels.Select(_ => new HashSet<(string, string)>()).ToArray();
            var versions = new long[2];
            for (var c = 0; c < 2; c++)
            {
                versions[c] = (await engine.Nodes[0].Presence.ReadAsync(channels[c])).Version;
            }

            foreach (var (add, c, client, socket) in changes)
            {
                var presence = engine.Nodes[client.Length % engine.Nodes.Count].Presence;
                var changed = add ? sets[c].Add((client, socket)) : sets[c].Remove((client, socket));
                versions[c] += changed ? 1 : 0;

                var said = add ? await presence.AddAsync(channels[c], client, socket) : await presence.RemoveAsync(channels[c], client, socket);
                var snapshot = await engine.Nodes[^1].Presence.ReadAsync(channels[c]);

                said.Should().Be(changed);
                snapshot.Version.Should().Be(versions[c]);
                snapshot.Members.Should().Equal(sets[c].OrderBy(m => m.Item1, StringComparer.Ordinal).ThenBy(m => m.Item2, StringComparer.Ordinal));
            }
        }, iter: 100);
    }

    [Fact]
    [Trait("Guarantee", "G23")]
    public async Task A_snapshot_that_was_handed_out_does_not_change()
    {
        await using var engine = await CreateAsync();
        var presence = engine.Nodes[0].Presence;
        await presence.AddAsync(Lobby, "AMY", "s1");
        var before = await presence.ReadAsync(Lobby);

        await presence.AddAsync(Lobby, "BEN", "s2");

        before.Members.Should().Equal(("AMY", "s1"));
        (await presence.ReadAsync(Lobby)).Version.Should().Be(before.Version + 1);
    }

    [Fact]
    [Trait("Guarantee", "G23")]
    public async Task A_version_never_goes_back_however_long_a_channel_was_empty()
    {
        await using var engine = await CreateAsync();
        var presence = engine.Nodes[0].Presence;
        await presence.AddAsync(Lobby, "AMY", "s1");
        await presence.RemoveAsync(Lobby, "AMY", "s1");
        var left = await presence.ReadAsync(Lobby);
        left.Members.Should().BeEmpty();

        Time.Advance(TimeSpan.FromDays(30));
        await presence.AddAsync(Lobby, "AMY", "s1");

        (await presence.ReadAsync(Lobby)).Version.Should().BeGreaterThan(left.Version);
    }

    [Fact]
    [Trait("Guarantee", "G23")]
    public async Task Sockets_that_come_and_go_at_once_leave_a_set_that_equals_who_stayed()
    {
        await using var engine = await CreateAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            var presence = engine.Nodes[worker % engine.Nodes.Count].Presence;
            for (var i = 0; i < 200; i++)
            {
                (await presence.AddAsync(Lobby, $"c{worker}", $"s{i}")).Should().BeTrue();
                if (i % 2 == 0)
                {
                    (await presence.RemoveAsync(Lobby, $"c{worker}", $"s{i}")).Should().BeTrue();
                }
            }
        })));

        var snapshot = await engine.Nodes[0].Presence.ReadAsync(Lobby);

        snapshot.Members.Should().HaveCount(800).And.OnlyHaveUniqueItems();
        snapshot.Version.Should().Be(8 * 300);
    }

    [Fact]
    [Trait("Guarantee", "G23")]
    public async Task A_channel_takes_as_many_clients_as_it_is_told_however_many_come_at_once()
    {
        await using var engine = await CreateAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(async () => await engine.Nodes[i % engine.Nodes.Count].Presence.TryAddAsync(Lobby, $"c{i}", $"s{i}", 7))));
        var presence = engine.Nodes[0].Presence;
        var there = await presence.ReadAsync(Lobby);

        answers.Count(a => a).Should().Be(7);
        there.Count.Should().Be(7);
        (await presence.TryAddAsync(Lobby, there.Members[0].Client, "another", 7)).Should().BeTrue("a client takes one place, however many sockets it has");
        (await presence.ReadAsync(Lobby)).Should().Match<PresenceSnapshot>(s => s.Count == 7 && s.Members.Count == 8 && s.Has(there.Members[0].Client, "another") && !s.Has("c99", "s99"));
        (await presence.ListOwnAsync()).Should().HaveCountLessThanOrEqualTo(8).And.OnlyContain(m => m.Channel == Lobby);
    }
}
