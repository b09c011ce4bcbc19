using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Stress;

/// <summary>Sockets and identities that come and go in the middle of things.</summary>
[Trait("Requirement", "1.12")]
[Trait("Guarantee", "G24")]
public sealed class ChurnScenarios
{
    public static TheoryData<int> Seeds => [1, 2, 3, 4, 5];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Disconnects_in_the_middle_of_a_join_leave_nothing_behind(int seed)
    {
        await using var rig = await StressRig.StartAsync(seed);
        var witness = await rig.ListenAsync(await rig.ConnectAsync("witness"), "door");
        for (var i = 0; i < 60; i++)
        {
            await using var raw = await RawHub.ConnectAsync(rig.Node, "data", rig.Node.Token($"guest-{i % 7}"));
            for (var joins = rig.Random.Next(1, 5); joins > 0; joins--)
            {
                await raw.InvokeAsync("Join", new { channel = joins % 2 == 0 ? "room:door" : $"room:door-{joins}", last = 10 });
            }

            // Sometimes it reads a little first: the join is then at another of its steps.
            for (var reads = rig.Random.Next(3); reads > 0; reads--)
            {
                await raw.ReadAsync();
            }
        }

        await witness.Subscription.SendAsync("nobody else is here").Soon();
        (await rig.LogAsync(Address.Room("door"))).Should().Equal("nobody else is here");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Trait("Requirement", "1.4")]
    [Trait("Guarantee", "G10")]
    public async Task A_socket_whose_identities_come_and_go_hears_for_each_exactly_while_it_is_there(int seed)
    {
        await using var rig = await StressRig.StartAsync(seed);
        var socket = rig.Keep(await StockSocket.DataAsync(rig.Node, "ben"));
        var sender = await rig.ConnectAsync("sender");
        await socket.JoinAsync("room:always");
        var (expected, heard, isThere, sent) = (new List<string>(), new List<string?>(), false, 0);
        for (var step = 0; step < 120; step++)
        {
            switch (rig.Random.Next(4))
            {
                case 0 when !isThere:
                    await socket.AuthenticateAsync(rig.Node.Token("amy"));
                    (await socket.InvokeAsync<JoinResponse>("Join", new JoinRequest { As = "amy", Channel = "room:amys" })).Error.Should().BeNull();
                    isThere = true;
                    break;
                case 1 when isThere:
                    (await socket.InvokeAsync<Done>("Drop", new DropRequest { Client = "amy" })).Error.Should().BeNull();
                    isThere = false;
                    break;
                default:
                    await sender.SendAsync(Address.Room("amys"), $"amy {sent}").Soon();
                    await sender.SendAsync(Address.Room("always"), $"ben {sent}").Soon();
                    expected.AddRange(isThere ? [$"amy {sent}", $"ben {sent}"] : [$"ben {sent}"]);
                    while (heard.Count < expected.Count)
                    {
                        heard.Add((await socket.NextAsync()).Text);
                    }

                    sent++;
                    break;
            }
        }

        heard.Should().BeEquivalentTo(expected).And.OnlyHaveUniqueItems();
        socket.HasNothing.Should().BeTrue();
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Trait("Requirement", "3.10")]
    [Trait("Guarantee", "G8")]
    public async Task Nothing_queued_for_a_revoked_client_is_delivered_after_the_answer_and_its_neighbour_misses_nothing(int seed)
    {
        await using var rig = await StressRig.StartAsync(seed, o => o.Times.SocketQueueAge = TestTimeout.Long); // it stays, though it does not read
        await using var socket = await RawHub.ConnectAsync(rig.Node, "data", rig.Node.Token("ben"), receiveBuffer: 16 * 1024);
        await socket.AskAsync("Authenticate", new { token = rig.Node.Token("amy") });
        await socket.AskAsync("Join", new { @as = "ben", channel = "room:ben" });
        await socket.AskAsync("Join", new { @as = "amy", channel = "room:amy" });
        var sender = await rig.ConnectAsync("sender");
        var (filler, bens, amys) = (new string('x', 30_000), 0, 0);
        for (var i = rig.Random.Next(300, 400); i > 0; i--)
        {
            var isAmys = rig.Random.Next(2) == 0;
            await sender.SendAsync(Address.Room(isAmys ? "amy" : "ben"), $"{(isAmys ? amys++ : bens++)} {filler}").Soon();
        }

        await rig.Node.Services.GetRequiredService<IDuplexity>().RevokeAsync("amy").Soon();
        await sender.SendAsync(Address.Room("amy"), "after the answer").Soon();
        await sender.SendAsync(Address.Room("ben"), "end").Soon();

        // What the kernel had is out of reach, and came first, in order; behind the end of it no message of hers may come.
        var (ofBen, ofAmy) = (new List<string>(), new List<string>());
        while (ofBen.LastOrDefault() != "end")
        {
            foreach (var message in (await socket.EventAsync("Deliver")).EnumerateArray())
            {
                var text = message.GetProperty("text").GetString()!;
                (message.GetProperty("channel").GetString() == "room:amy" ? ofAmy : ofBen).Add(text.Split(' ')[0]);
            }
        }

        ofBen.Should().Equal(Enumerable.Range(0, bens).Select(n => $"{n}").Append("end"));
        ofAmy.Should().Equal(Enumerable.Range(0, ofAmy.Count).Select(n => $"{n}")).And.HaveCountLessThan(amys, "what the node itself still had was not written");
    }
}
