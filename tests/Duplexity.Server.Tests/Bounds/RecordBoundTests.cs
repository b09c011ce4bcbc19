using System.Diagnostics;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;
using Xunit.Abstractions;

namespace Duplexity.Server.Tests.Bounds;

/// <summary>What clients have written down, by locks above all, on a node with a disk: it holds up nobody else's word (G8, G24).</summary>
[Trait("Guarantee", "G24")]
public sealed class RecordBoundTests(ITestOutputHelper output)
{
    [Fact]
    public async Task One_client_that_floods_the_disk_is_refused_by_name_of_the_limit_and_its_neighbours_are_not()
    {
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Settings["Duplexity:Data"] = "data";
            s.Options = o => o.Limits.AppendsWaiting = 100;
        });
        await using var neighbours = await Neighbours.StartAsync(node);
        var floods = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => StockSocket.DataAsync(node, "amy")));
        var (stored, refused) = (0, 0);

        await neighbours.AreServedWhileAsync(async () =>
        {
            var answers = await Task.WhenAll(floods.SelectMany(f => Enumerable.Range(0, 200).Select(i => f.InvokeAsync<SendResponse>("Send", new SendRequest { To = ["room:flood"], Text = $"{i}" }))));
            answers.Should().OnlyContain(a => a.Error == null || (a.Error.Name == "rate_limited" && a.Error.Limit == "appends_waiting_per_client" && a.Error.Used >= 10 && a.Error.RetryAfterMs > 0));
            stored += answers.Count(a => a.Error is null);
            refused += answers.Count(a => a.Error is not null);
        });

        output.WriteLine($"{stored} stored, {refused} refused.");
        refused.Should().BePositive("it sends more at once than its part");
        (await node.Services.GetRequiredService<IEngine>().Log.TopAsync(Address.Room("flood"))).Offset.Should().Be(stored, "nothing that was refused is there");
        await Task.WhenAll(floods.Select(f => f.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task Taking_locks_and_admitting_clients_use_the_rate_of_a_client_and_giving_back_does_not()
    {
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Settings["Duplexity:Allowances:*:Limits:Messages"] = "2";
            s.Settings["Duplexity:Allowances:*:Limits:WindowMs"] = "3600000";
        });
        await using var amy = await StockSocket.DataAsync(node, "amy");
        Task<AcquireLockResponse> AcquireAsync(string name) => amy.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "board", Name = name });
        var first = await AcquireAsync("a");
        (await AcquireAsync("b")).Error.Should().BeNull();

        var third = await AcquireAsync("c");

        third.Error.Should().BeEquivalentTo(new { Name = "rate_limited", Limit = "messages_per_window", Used = 2L });
        third.Error!.RetryAfterMs.Should().BePositive();
        (await amy.SendAsync("x", "room:a")).Error!.Name.Should().Be("rate_limited", "it is one rate");
        (await amy.InvokeAsync<RenewLockResponse>("RenewLock", new RenewLockRequest { Lockspace = "board", Name = "a", Token = first.Token })).Error.Should().BeNull();
        (await amy.InvokeAsync<Done>("ReleaseLock", new ReleaseLockRequest { Lockspace = "board", Name = "a", Token = first.Token })).Error.Should().BeNull();

        await using var ben = await StockSocket.DiscoveredAsync(node, "ben");
        (await ben.InvokeAsync<Done>("CreateLockspace", new CreateLockspaceRequest { Name = "own", Hold = true })).Error.Should().BeNull();
        (await ben.InvokeAsync<HeldResponse>("Admit", new AdmitRequest { Lockspace = "own", Client = "amy" })).Error.Should().BeNull();
        (await ben.InvokeAsync<HeldResponse>("Admit", new AdmitRequest { Lockspace = "own", Client = "cleo" })).Error.Should().BeEquivalentTo(new { Name = "rate_limited", Limit = "messages_per_window", Used = 2L });
        (await ben.InvokeAsync<Done>("RemoveLockspace", new RemoveLockspaceRequest { Name = "own" })).Error!.Name.Should().Be("rate_limited");
    }

    [Fact]
    [Trait("Category", "Long")]
    [Trait("Guarantee", "G8")]
    public async Task A_hundred_sockets_that_lock_hold_up_no_revocation()
    {
        await using var node = await TestNode.StartAsync(s => s.Settings["Duplexity:Data"] = "data");
        await using var neighbours = await Neighbours.StartAsync(node);
        var sockets = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => StockSocket.DataAsync(node, $"locker-{i}")));
        var server = node.Services.GetRequiredService<IDuplexity>();
        using var enough = new CancellationTokenSource();
        var taken = 0;

        var lockers = sockets.SelectMany((socket, i) => Enumerable.Range(0, 10).Select(j => LockAsync(socket, $"card-{i}-{j}"))).ToArray();
        var revocations = RevokeAsync();
        await neighbours.AreServedUntilAsync(revocations);
        await enough.CancelAsync();
        await Task.WhenAll(lockers);
        await Task.WhenAll(sockets.Select(s => s.DisposeAsync().AsTask()));

        var times = await revocations;
        output.WriteLine($"{taken} locks taken and given back; a revocation took {times[times.Length / 2]:0} ms (median), {times[^1]:0} ms (worst).");
        taken.Should().BeGreaterThan(1_000);
        times[times.Length / 2].Should().BeLessThan(1_000);

        async Task LockAsync(StockSocket socket, string name)
        {
            while (!enough.IsCancellationRequested)
            {
                var answer = await socket.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "board", Name = name });
                if (answer.Token is { } token)
                {
                    await socket.InvokeAsync<Done>("ReleaseLock", new ReleaseLockRequest { Lockspace = "board", Name = name, Token = token });
                    Interlocked.Increment(ref taken);
                }
            }
        }

        async Task<double[]> RevokeAsync()
        {
            var times = new List<double>();
            for (var i = 0; i < 50; i++)
            {
                var began = Stopwatch.GetTimestamp();
                await server.RevokeAsync($"gone-{i}");
                times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }

            return [.. times.Order()];
        }
    }
}
