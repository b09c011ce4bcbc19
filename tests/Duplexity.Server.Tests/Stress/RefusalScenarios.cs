using System.Collections.Concurrent;
using System.Globalization;
using Duplexity.Protocol;
using Duplexity.Server.Tests.Client;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Stress;

/// <summary>Copies that an egress gate refuses leave holes in what a socket is told, and so do overlapping destinations: none of them is a loss.</summary>
[Trait("Guarantee", "G9")]
public sealed class RefusalScenarios
{
    private static readonly string[] Rooms = ["a", "b", "c"];

    public static TheoryData<int> Seeds => [1, 2, 3, 4, 5];

    [Theory]
    [MemberData(nameof(Seeds))]
    public Task Refused_copies_and_overlaps_make_nobody_fetch(int seed) => PlayAsync(seed, cuts: false);

    [Theory]
    [MemberData(nameof(Seeds))]
    public Task What_is_refused_comes_neither_live_nor_after_a_loss_nor_with_history_and_the_rest_comes_once(int seed) => PlayAsync(seed, cuts: true);

    private static async Task PlayAsync(int seed, bool cuts)
    {
        var joins = new ConcurrentDictionary<(string Client, Address Channel), int>();
        await using var rig = await StressRig.StartAsync(seed, builder: b => b
            .AddGate(Step.Egress, "*", c => new(c.Message is { Text: { } text } && IsRefused(c.Client, text) ? GateResult.Refuse("Not for you.") : GateResult.Pass), "some")
            .AddGate(Step.Entry, "*", c =>
            {
                if (c.Operation == Operation.Join)
                {
                    joins.AddOrUpdate((c.Client, c.Target), 1, (_, n) => n + 1);
                }

                return new(GateResult.Pass);
            }, "counts"));
        var readers = new List<(string Client, string[] Rooms, DuplexityConnection Connection, FaultyLine Line, List<Ear> Ears)>();
        for (var i = 0; i < 3; i++)
        {
            var (client, line, mine) = ($"reader-{i}", rig.Line(), Rooms.Where(_ => rig.Random.Next(3) > 0).DefaultIfEmpty("a").ToArray());
            var connection = await rig.ConnectAsync(client, line);
            var ears = new List<Ear> { new(connection.Inbox) };
            await connection.Inbox.JoinAsync().Soon();
            foreach (var room in mine)
            {
                ears.Add(await rig.ListenAsync(connection, room));
            }

            readers.Add((client, mine, connection, line, ears));
        }

        var sender = await rig.ConnectAsync("sender");
        var expected = readers.ToDictionary(r => r.Client, _ => new List<string>());
        for (var n = 0; n < 200; n++)
        {
            string[] rooms = [.. Rooms.Where(_ => rig.Random.Next(2) == 0)];
            string[] clients = [.. readers.Select(r => r.Client).Where(_ => rig.Random.Next(3) == 0)];
            Address[] to = [.. rooms.Select(Address.Room), .. clients.Select(Address.Client)];
            if (to.Length == 0)
            {
                continue;
            }

            rig.Random.Shuffle(to);
            await sender.SendAsync(to, $"{n}").Soon();
            foreach (var reader in readers.Where(r => !IsRefused(r.Client, $"{n}") && (clients.Contains(r.Client) || rooms.Intersect(r.Rooms).Any())))
            {
                expected[reader.Client].Add($"{n}");
            }

            if (cuts && rig.Random.Next(15) == 0)
            {
                readers[rig.Random.Next(readers.Count)].Line.Cut();
            }
        }

        // A mark for each ear, behind everything: what has not come before it will not come.
        foreach (var channel in Rooms.Select(Address.Room).Concat(readers.Select(r => Address.Client(r.Client))))
        {
            await sender.SendAsync(channel, "end").Soon();
        }

        foreach (var reader in readers)
        {
            await reader.Ears[0].HeardAsync("end");
            for (var i = 0; i < reader.Rooms.Length; i++)
            {
                await reader.Ears[i + 1].HeardAsync("end");
                await foreach (var message in reader.Connection.HistoryAsync(Address.Room(reader.Rooms[i]), new HistoryOptions { Since = Position.Start }))
                {
                    IsRefused(reader.Client, message.Text!).Should().BeFalse("history passes the same gate");
                }
            }

            reader.Ears.SelectMany(e => e.Texts).Where(t => t != "end").Should().BeEquivalentTo(expected[reader.Client], "each comes once, whatever brings it, and nothing that is refused");
            reader.Ears.Should().OnlyContain(e => e.Gaps.Count == 0);
        }

        expected.Values.Sum(e => e.Count).Should().BeGreaterThan(100);
        if (!cuts)
        {
            joins.Where(j => j.Key.Client != "who-looks-last").Should().OnlyContain(j => j.Value == 1, "a hole that was withheld is no loss");
        }
    }

    /// <summary>A third of all, another one for each.</summary>
    private static bool IsRefused(string client, string text) => int.TryParse(text, CultureInfo.InvariantCulture, out var number) && (number + client[^1]) % 3 == 0;
}
