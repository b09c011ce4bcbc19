using System.Threading.Channels;
using Duplexity.Server.Pipes;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Pipes;

/// <summary>Services and what the steps announce to them.</summary>
public sealed class ServiceTests : IAsyncLifetime
{
    private readonly List<PipeRig> _started = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var rig in _started)
        {
            await rig.Announcer.StopAsync(CancellationToken.None).Soon();
        }
    }

    [Fact]
    [Trait("Requirement", "1.24")]
    [Trait("Requirement", "1.25")]
    public async Task A_service_hears_each_step_in_order_and_the_message_itself_before_anything_is_done_with_it()
    {
        var service = new Listener([.. ServiceChannel.All]);
        var rig = await StartAsync([PipeRig.Gate(Step.Entry, "room:closed", _ => new(GateResult.Refuse("Closed.")), "door")], service);

        var answer = await rig.Machine.SendAsync(PipeRig.As("amy", "1001"), PipeRig.Text("hi", "room:lobby", "room:closed"));

        var heard = new List<Announcement>();
        for (var i = 0; i < 8; i++)
        {
            heard.Add(await service.NextAsync());
        }

        heard.Select(a => (a.Channel, a.Action, a.Target)).Should().Equal(
            (ServiceChannel.Ingress, "entered", "socket:1001"),
            (ServiceChannel.Ingress, "passed", "client:amy"),
            (ServiceChannel.Service, "entered", "client:amy"),
            (ServiceChannel.Cooked, "passed", "client:amy"),
            (ServiceChannel.Entry, "entered", "room:lobby"),
            (ServiceChannel.Entry, "passed", "room:lobby"),
            (ServiceChannel.Entry, "entered", "room:closed"),
            (ServiceChannel.Entry, "refused", "room:closed"));
        heard.Should().OnlyContain(a => a.MessageId == answer.MessageId && a.Owner == "amy");
        heard.Where(a => a.Message is not null).Should().ContainSingle().Which.Message!.Text.Should().Be("hi");
        (heard[^1].Gate, heard[^1].Error!.Sentence).Should().Be(("door", "Closed."));
    }

    [Fact]
    [Trait("Requirement", "1.25")]
    public async Task A_message_that_nobody_takes_is_announced_as_a_dead_letter()
    {
        var service = new Listener(ServiceChannel.Entry);
        var rig = await StartAsync([], service);

        await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "lockspace:nowhere"));

        (await service.NextAsync()).Action.Should().Be("entered");
        (await service.NextAsync()).Action.Should().Be("refused");
        var last = await service.NextAsync();
        (last.Action, last.Error!.Name).Should().Be(("dead_letter", "unknown_destination"));
    }

    [Fact]
    [Trait("Requirement", "1.25")]
    public async Task A_service_that_fails_or_hangs_neither_delays_nor_fails_a_message_and_others_hear_all_the_same()
    {
        var (broken, hanging, sound) = (new Listener(ServiceChannel.Service) { Fails = true }, new Listener(ServiceChannel.Service) { Hangs = true }, new Listener(ServiceChannel.Service));
        var rig = await StartAsync([], broken, hanging, sound);

        for (var i = 0; i < 3; i++)
        {
            var send = rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text($"{i}", "room:lobby"));
            send.IsCompletedSuccessfully.Should().BeTrue();
            (await send).Error.Should().BeNull();
        }

        for (var i = 0; i < 3; i++)
        {
            (await sound.NextAsync()).Message!.Text.Should().Be($"{i}");
            await broken.NextAsync();
        }

        await rig.Logs.WaitForAsync("the failing service", l => l.Event.Name == "ServiceFailed").Soon();
        rig.Logs.Lines.Count(l => l.Event.Name == "ServiceFailed").Should().Be(1, "once in ten seconds");
    }

    [Fact]
    [Trait("Requirement", "1.25")]
    [Trait("Guarantee", "G24")]
    public async Task Beyond_a_thousand_a_second_announcements_are_sampled_and_the_next_one_counts_what_was_left_out()
    {
        var service = new Listener(ServiceChannel.Service);
        var rig = await StartAsync([], service);
        for (var i = 0; i < 1_200; i++)
        {
            await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text($"{i}", "room:lobby"));
        }

        for (var i = 0; i < 1_000; i++)
        {
            (await service.NextAsync()).LeftOut.Should().Be(0);
        }

        rig.Time.Advance(TimeSpan.FromSeconds(1));
        await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("later", "room:lobby"));

        var next = await service.NextAsync();
        (next.Message!.Text, next.LeftOut).Should().Be(("later", 200));
    }

    [Fact]
    [Trait("Requirement", "1.25")]
    [Trait("Guarantee", "G24")]
    public async Task What_waits_for_a_slow_service_is_bounded_oldest_out_first_and_counted()
    {
        var service = new Listener(ServiceChannel.Service) { Hangs = true };
        var rig = await StartAsync([], o => o.Announcements.Queue = 5, service);
        await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("first", "room:lobby"));
        (await service.NextAsync()).Message!.Text.Should().Be("first");
        for (var i = 0; i < 8; i++)
        {
            await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text($"{i}", "room:lobby"));
        }

        service.Release();

        var next = await service.NextAsync();
        (next.Message!.Text, next.LeftOut).Should().Be(("3", 3));
    }

    [Fact]
    [Trait("Requirement", "1.25")]
    [Trait("Guarantee", "G24")]
    public async Task What_waits_for_a_slow_service_is_bounded_in_bytes_and_what_large_messages_push_out_is_counted()
    {
        var service = new Listener(ServiceChannel.Service) { Hangs = true };
        var rig = await StartAsync([], o => o.Announcements.QueueBytes = 100_000, service);
        await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("first", "room:lobby"));
        (await service.NextAsync()).Message!.Text.Should().Be("first");
        for (var i = 0; i < 10; i++)
        {
            await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text($"{i}{new string('x', 10_000)}", "room:lobby"));
        }

        service.Release();

        var next = await service.NextAsync();
        (next.Message!.Text![0], next.LeftOut).Should().Be(('6', 6), "four of 20 KB each fit");
        for (var i = 7; i < 10; i++)
        {
            (await service.NextAsync()).LeftOut.Should().Be(0);
        }
    }

    [Fact]
    [Trait("Requirement", "1.25")]
    public async Task Nothing_is_made_for_a_channel_that_nobody_hears()
    {
        var rig = await StartAsync([], new Listener(ServiceChannel.Egress));

        rig.Announcer.IsWanted(Step.Egress, null).Should().BeTrue();
        rig.Announcer.IsWanted(Step.Entry, null).Should().BeFalse();
        rig.Announcer.IsWanted(Step.Entry, new MessageTrace()).Should().BeTrue();
    }

    [Fact]
    public async Task Only_whom_an_administrator_names_is_traced_for_as_long_as_said_and_the_newest_are_kept()
    {
        var rig = new PipeRig([], [], o => o.Announcements.Traces = 2);
        var before = await rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("0", "room:lobby"));
        rig.Traces.Start(Address.Client("amy"), TimeSpan.FromMinutes(5));
        rig.Traces.Start(Address.Room("lobby"), TimeSpan.FromMinutes(1));
        var ids = new List<string>();
        foreach (var (client, room) in new[] { ("amy", "hall"), ("ben", "lobby"), ("ben", "hall"), ("amy", "lobby") })
        {
            ids.Add((await rig.Machine.SendAsync(PipeRig.As(client), PipeRig.Text("1", $"room:{room}"))).MessageId!);
        }

        rig.Time.Advance(TimeSpan.FromMinutes(2));
        var late = await rig.Machine.SendAsync(PipeRig.As("ben"), PipeRig.Text("2", "room:lobby"));

        rig.Traces.Find(before.MessageId!).Should().BeNull();
        rig.Traces.Find(ids[0]).Should().BeNull("two are kept");
        rig.Traces.Find(ids[1])!.Owner.Should().Be("ben");
        rig.Traces.Find(ids[2]).Should().BeNull();
        rig.Traces.Find(ids[3])!.Hops.Should().HaveCount(6);
        rig.Traces.Find(late.MessageId!).Should().BeNull();
    }

    private Task<PipeRig> StartAsync(GateRegistration[] gates, params IMessageService[] services) => StartAsync(gates, _ => { }, services);

    private async Task<PipeRig> StartAsync(GateRegistration[] gates, Action<DuplexityOptions> configure, params IMessageService[] services)
    {
        var rig = new PipeRig(gates, services, configure);
        await rig.Announcer.StartAsync(CancellationToken.None);
        _started.Add(rig);
        return rig;
    }

    private sealed class Listener(params string[] channels) : IMessageService
    {
        private readonly Channel<Announcement> _heard = Channel.CreateUnbounded<Announcement>();
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool Fails { get; init; }

        public bool Hangs { get; init; }

        public IReadOnlyCollection<string> Channels => channels;

        public Task<Announcement> NextAsync() => _heard.Reader.ReadAsync().AsTask().Soon();

        public void Release() => _released.SetResult();

        public async ValueTask OnAnnouncementAsync(Announcement announcement, CancellationToken ct)
        {
            await _heard.Writer.WriteAsync(announcement, ct);
            if (Hangs)
            {
                await _released.Task.WaitAsync(ct);
            }

            if (Fails)
            {
                throw new InvalidOperationException("This service fails.");
            }
        }
    }
}
