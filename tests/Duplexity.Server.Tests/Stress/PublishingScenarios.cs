using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Stress;

/// <summary>Many who send at once: exact counts, one order for all, each send stored once.</summary>
[Trait("Guarantee", "G4")]
[Trait("Requirement", "1.31")]
public sealed class PublishingScenarios
{
    public static TheoryData<int> Seeds => [1, 2, 3, 4, 5];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Racing_publishers_are_heard_by_all_in_the_one_order_of_the_log(int seed)
    {
        await using var rig = await StressRig.StartAsync(seed);
        var (publishers, each) = (rig.Random.Next(3, 9), rig.Random.Next(50, 200));
        var ears = new List<Ear>();
        for (var i = rig.Random.Next(2, 6); i > 0; i--)
        {
            ears.Add(await rig.ListenAsync(await rig.ConnectAsync($"reader-{i}"), "race"));
        }

        var connections = new List<DuplexityConnection>();
        for (var i = 0; i < publishers; i++)
        {
            connections.Add(await rig.ConnectAsync($"publisher-{i}"));
        }

        await Task.WhenAll(connections.Select((connection, p) => Task.Run(async () =>
        {
            // Sent without waiting for one another's receipts: the order of the calls is the order of the log (G11).
            await Task.WhenAll(Enumerable.Range(0, each).Select(n => connection.SendAsync(Address.Room("race"), $"{p}:{n}")));
        }))).Soon(TestTimeout.Long);

        var log = await rig.LogAsync(Address.Room("race"));
        log.Should().HaveCount(publishers * each).And.OnlyHaveUniqueItems();
        for (var p = 0; p < publishers; p++)
        {
            log.Where(text => text!.StartsWith($"{p}:", StringComparison.Ordinal)).Should().Equal(Enumerable.Range(0, each).Select(n => $"{p}:{n}"));
        }

        foreach (var ear in ears)
        {
            await ear.HeardAsync(log.Count);
            ear.Texts.Should().Equal(log);
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task One_key_stores_once_however_many_send_with_it_at_once(int seed)
    {
        await using var rig = await StressRig.StartAsync(seed);
        var ear = await rig.ListenAsync(await rig.ConnectAsync("reader"), "once");
        var sockets = new List<DuplexityConnection>();
        for (var i = rig.Random.Next(3, 8); i > 0; i--)
        {
            sockets.Add(await rig.ConnectAsync("ben"));
        }

        // Each key is sent from a random socket, several times, in a random order; some keys also with another content, which is refused.
        var keys = rig.Random.Next(20, 60);
        var plan = Enumerable.Range(0, keys).SelectMany(key => Enumerable.Repeat(key, rig.Random.Next(1, 8))).ToArray();
        rig.Random.Shuffle(plan);
        var receipts = await Task.WhenAll(plan.Select(key => (Key: key, Socket: sockets[rig.Random.Next(sockets.Count)])).ToList().Select(async send =>
            (send.Key, Receipt: await send.Socket.SendAsync(Address.Room("once"), $"{send.Key}", new SendOptions { IdempotencyKey = $"key-{send.Key}" })))).Soon(TestTimeout.Long);
        var other = async () => await sockets[0].SendAsync(Address.Room("once"), "something else", new SendOptions { IdempotencyKey = "key-0" });

        (await other.Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(Errors.IdempotencyMismatch.Code);
        foreach (var ofKey in receipts.GroupBy(r => r.Key))
        {
            ofKey.Select(r => (r.Receipt.MessageId, r.Receipt.Destinations[0].Position)).Distinct().Should().ContainSingle();
        }

        await ear.HeardAsync(keys);
        ear.Texts.Should().BeEquivalentTo(Enumerable.Range(0, keys).Select(key => $"{key}"));
        (await rig.LogAsync(Address.Room("once"))).Should().Equal(ear.Texts);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Trait("Requirement", "1.14")]
    [Trait("Guarantee", "G9")]
    public async Task Whoever_several_destinations_reach_hears_each_message_once(int seed)
    {
        await using var rig = await StressRig.StartAsync(seed);
        string[] rooms = ["a", "b", "c", "d"];
        var readers = new List<(string Client, HashSet<string> Rooms, List<Ear> Ears)>();
        for (var i = 0; i < 4; i++)
        {
            var connection = await rig.ConnectAsync($"reader-{i}");
            var joined = rooms.Where(_ => rig.Random.Next(2) == 0).ToHashSet();
            var ears = new List<Ear> { new(connection.Inbox) };
            await connection.Inbox.JoinAsync();
            foreach (var room in joined)
            {
                ears.Add(await rig.ListenAsync(connection, room));
            }

            readers.Add(($"reader-{i}", joined, ears));
        }

        var sender = await rig.ConnectAsync("sender");
        var expected = readers.ToDictionary(r => r.Client, _ => 0);
        for (var n = 0; n < 150; n++)
        {
            List<Address> to = [.. rooms.Where(_ => rig.Random.Next(2) == 0).Select(Address.Room), .. readers.Where(_ => rig.Random.Next(3) == 0).Select(r => Address.Client(r.Client))];
            if (to.Count == 0)
            {
                continue;
            }

            var order = to.ToArray();
            rig.Random.Shuffle(order);
            await sender.SendAsync(order, $"{n}").Soon();
            foreach (var (client, joined, _) in readers)
            {
                expected[client] += order.Any(a => a == Address.Client(client) || (a.Kind == AddressKind.Room && joined.Contains(a.Name))) ? 1 : 0;
            }
        }

        // A mark for each channel: when every one has come, so has all that was before it.
        foreach (var channel in rooms.Select(Address.Room).Concat(readers.Select(r => Address.Client(r.Client))))
        {
            await sender.SendAsync(channel, "end").Soon();
        }

        foreach (var (client, _, ears) in readers)
        {
            await Task.WhenAll(ears.Select(e => e.HeardAsync("end")));
            ears.SelectMany(e => e.Texts).Where(text => text != "end").Should().OnlyHaveUniqueItems().And.HaveCount(expected[client]);
        }
    }
}
