using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Tunnels.Gates;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Gates;

/// <summary>What visitors may use: by the owner's limits, and by the node's (G24).</summary>
[Trait("Guarantee", "G24")]
public sealed class VisitorLimitTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void A_pace_lets_a_burst_through_and_then_its_rate()
    {
        var pace = new Pace(2, 4, _time);
        for (var i = 0; i < 4; i++)
        {
            pace.TryTake(1).Should().BeNull();
        }

        pace.TryTake(1).Should().Be(TimeSpan.FromSeconds(0.5));
        _time.Advance(TimeSpan.FromSeconds(0.5));
        pace.TryTake(1).Should().BeNull();
        pace.TryTake(1).Should().NotBeNull();
        _time.Advance(TimeSpan.FromHours(1));
        pace.IsEmpty.Should().BeTrue();
        pace.Take(10).Should().Be(TimeSpan.FromSeconds(3));
    }

    [Fact]
    public async Task Bytes_wait_in_each_direction_for_itself_and_for_the_slower_of_two_limits()
    {
        var throttle = new Throttle(_time, Throttle.ByteRate.Of(1000, _time), Throttle.ByteRate.Of(100, _time));
        await throttle.WaitAsync(50, toVisitor: true, default);
        await throttle.WaitAsync(50, toVisitor: false, default);

        var waits = throttle.WaitAsync(100, toVisitor: true, default).AsTask();

        waits.IsCompleted.Should().BeFalse();
        _time.Advance(TimeSpan.FromSeconds(0.99));
        waits.IsCompleted.Should().BeFalse();
        _time.Advance(TimeSpan.FromSeconds(0.02));
        await waits.Soon();
    }

    [Fact]
    public void Each_visitor_has_its_own_and_all_share_the_pipes()
    {
        var allotments = new VisitorAllotments(_time);
        var entry = Entry(new() { Concurrent = 1, PipeConcurrent = 2 });
        var first = allotments.TryEnter(entry, "client:bob", out _);

        first.Should().NotBeNull();
        allotments.TryEnter(entry, "client:bob", out var wait).Should().BeNull();
        wait.Should().Be(TimeSpan.FromSeconds(1));
        using var second = allotments.TryEnter(entry, "client:carl", out _);
        second.Should().NotBeNull();
        allotments.TryEnter(entry, "client:dora", out _).Should().BeNull("the pipe has two at once");
        first!.Dispose();
        first.Dispose();
        allotments.TryEnter(entry, "client:dora", out _).Should().NotBeNull();
        allotments.TryEnter(entry, "client:bob", out _).Should().BeNull("a place that was given back twice is one");
    }

    [Fact]
    public void A_crowd_of_visitors_is_counted_in_a_table_that_ends()
    {
        var allotments = new VisitorAllotments(_time);
        var entry = Entry(new() { RequestsPerMinute = 1 });
        for (var i = 0; i < 10_000; i++)
        {
            allotments.TryEnter(entry, $"ip:{i}", out _)!.Dispose();
        }

        allotments.TryEnter(entry, "ip:late", out _).Should().NotBeNull();
        allotments.TryEnter(entry, "ip:later", out _).Should().BeNull("those without a place of their own share one");
        _time.Advance(TimeSpan.FromMinutes(1));
        allotments.TryEnter(entry, "ip:later", out _).Should().NotBeNull();
    }

    [Fact]
    public async Task A_visitor_with_too_many_requests_is_told_when_to_come_again_and_another_one_is_served()
    {
        await using var rig = await GateRig.StartAsync();
        await rig.OpenAsync("bearer", limits: new() { RequestsPerMinute = 2 });
        var (bob, carl) = (GateRig.Bearer(rig.Token("bob")), GateRig.Bearer(rig.Token("carl")));
        (await rig.GetAsync(with: bob)).Status.Should().Be(HttpStatusCode.OK);
        (await rig.GetAsync(with: bob)).Status.Should().Be(HttpStatusCode.OK);

        var third = await rig.GetAsync(with: bob);

        third.Status.Should().Be(HttpStatusCode.TooManyRequests);
        third.Headers.RetryAfter!.Delta.Should().BeGreaterThan(TimeSpan.FromSeconds(1)).And.BeLessThan(TimeSpan.FromSeconds(31));
        (await rig.GetAsync(with: carl)).Status.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Requests_of_one_address_and_at_one_pipe_are_bounded_and_their_places_come_back()
    {
        await using var rig = await GateRig.StartAsync(s =>
        {
            s.Settings["Duplexity:TrustedProxies:0"] = "127.0.0.1";
            s.Settings["Duplexity:Limits:VisitorsPerAddress"] = "1";
            s.Settings["Duplexity:Limits:VisitorsPerPipe"] = "2";
        });
        await rig.OpenAsync("public");
        Task<HttpResponseMessage> VisitAsync(string address, string path)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, new Uri(rig.Node.Listening, path));
            request.Headers.Add("X-Forwarded-For", address);
            return rig.Node.VisitAsync("cat1", request).Soon();
        }

        var first = await VisitAsync("10.0.0.1", "/stream");
        first.StatusCode.Should().Be(HttpStatusCode.OK);
        (await VisitAsync("10.0.0.1", "/")).StatusCode.Should().Be(HttpStatusCode.TooManyRequests);
        using var second = await VisitAsync("10.0.0.2", "/stream");
        (await VisitAsync("10.0.0.3", "/")).StatusCode.Should().Be(HttpStatusCode.TooManyRequests);
        first.Dispose();
        async Task ServedAsync()
        {
            // The node sees the end of a connection a moment after it was made.
            while ((await VisitAsync("10.0.0.1", "/")).StatusCode != HttpStatusCode.OK)
            {
                await Task.Yield();
            }
        }

        await ServedAsync().Soon();
    }

    [Fact]
    public async Task A_limit_below_one_is_refused()
    {
        await using var rig = await GateRig.StartAsync();

        (await FluentActions.Awaiting(() => rig.OpenAsync("public", limits: new() { BytesPerSecond = 0 })).Should().ThrowAsync<DuplexityException>())
            .Which.Message.Should().Contain("bytesPerSecond");
    }

    private static PipeEntry Entry(VisitorLimits limits) => Entries.Of(new() { Limits = limits });
}
