using System.Net.Sockets;
using Duplexity.Carriers;
using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Tunnels;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

/// <summary>Carriers that are brought ahead of the visitors who need one of their own.</summary>
[Trait("Guarantee", "G7")]
public sealed class WarmCarrierTests
{
    [Fact]
    public async Task Who_comes_after_a_visitor_who_kept_his_carrier_is_served_by_one_that_is_there()
    {
        await using var rig = await WarmRig.StartAsync();
        await rig.VisitAsync();
        await rig.WarmAsync(1);
        rig.Resource.Connections.Should().Be(1, "what waits for a visitor has dialled nobody");
        rig.Client.OnCarry = _ => Task.CompletedTask; // nothing more is brought

        (await rig.VisitAsync()).Should().Be("hello");
    }

    [Fact]
    public async Task As_many_are_kept_as_visitors_came_of_late_and_no_more_than_the_setting_says()
    {
        await using var rig = await WarmRig.StartAsync();
        for (var i = 1; i <= 6; i++)
        {
            await rig.VisitAsync();
            await rig.WarmAsync(Math.Min(i, 4));
        }

        rig.Client.Orders.Should().HaveCount(10, "one for the first visitor, one for each after him in the place of what he took, and four to have four");
    }

    [Fact]
    public async Task Those_that_nobody_takes_are_closed_after_five_minutes()
    {
        await using var rig = await WarmRig.StartAsync();
        await rig.VisitAsync();
        await rig.WarmAsync(1);

        rig.Time.Advance(TimeSpan.FromMinutes(4));
        await rig.WarmAsync(1);
        rig.Time.Advance(TimeSpan.FromMinutes(2));

        await rig.WarmAsync(0);
    }

    [Fact]
    public async Task One_whose_client_closed_it_is_given_to_nobody()
    {
        await using var rig = await WarmRig.StartAsync();
        using var cut = new CancellationTokenSource();
        rig.Client.OnCarry = order =>
        {
            _ = rig.Client.RunAsync(order, rig.Client.Orders.Count == 2 ? cut.Token : default);
            return Task.CompletedTask;
        };
        await rig.VisitAsync();
        await rig.WarmAsync(1);

        await cut.CancelAsync();
        await rig.WarmAsync(0);

        (await rig.VisitAsync()).Should().Be("hello");
    }

    [Fact]
    public async Task They_end_with_a_change_of_the_pipe_in_place_for_they_lead_to_what_it_was()
    {
        await using var rig = await WarmRig.StartAsync();
        await rig.VisitAsync();
        await rig.WarmAsync(1);
        rig.Client.OnCarry = _ => Task.CompletedTask;

        await rig.Client.ServeAsync(new PipeRegistration { Name = "cat1", Resource = rig.Resource.Resource, Carriers = "per-visitor", HeaderTimeoutMs = 10_000 });

        await rig.WarmAsync(0);
    }

    [Fact]
    public async Task When_the_client_brings_none_those_that_it_has_brought_are_given_to_nobody()
    {
        await using var rig = await WarmRig.StartAsync();
        await rig.VisitAsync();
        await rig.WarmAsync(1);
        await rig.VisitAsync();
        await rig.WarmAsync(2);
        rig.Client.OnCarry = _ => throw new InvalidOperationException("It is away.");

        (await rig.VisitAsync()).Should().Be("hello", "there was one");

        await rig.WarmAsync(0);
    }

    [Fact]
    public async Task A_visitor_of_raw_bytes_whose_client_has_lost_its_connection_is_not_given_one_that_waits()
    {
        var port = FreePorts.One();
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.SendAsync("x");
            await c.ReadAllAsync();
        });
        await using var host = await TunnelHost.StartAsync(o => (o.Limits.WarmCarriersPerPipe, o.Pipes.Ports) = (4, $"{port}"));
        var amy = host.Connect();
        await amy.ServeAsync(new PipeRegistration { Name = $":{port}", Resource = $"tcp://127.0.0.1:{resource.Port}" });
        using (var visitor = await host.RawAsync(port))
        {
            (await visitor.ReadUntilAsync("x")).Should().Be("x");
        }

        var entry = (await host.Services.GetRequiredService<BackendRegistry>().ReadAsync($":{port}", default))!;
        await Wait.UntilAsync(() => Task.FromResult(host.Services.GetRequiredService<CarrierPools>().Of(entry)!.Warm), warm => warm == 1);
        host.Sessions.Lose(amy.Session, amy.Session.Link!.ConnectionId);

        try
        {
            using var late = await host.RawAsync(port);
            (await late.ReadAllAsync().WaitAsync(TunnelHost.Patience)).Should().BeEmpty("nobody answers for the client");
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            // It is reset.
        }

        resource.Connections.Should().Be(1);
    }

    [Fact]
    public async Task They_end_with_the_registration()
    {
        await using var rig = await WarmRig.StartAsync();
        var outcomes = new List<Task<CarrierOutcome>>();
        rig.Client.OnCarry = order =>
        {
            outcomes.Add(rig.Client.RunAsync(order));
            return Task.CompletedTask;
        };
        await rig.VisitAsync();
        await rig.WarmAsync(1);

        await rig.Host.Pipes.RemoveAsync(rig.Client.Session, null, default);

        (await outcomes[1].Soon()).Should().Be(CarrierOutcome.NodeAway, "no visitor came");
        rig.Resource.Connections.Should().Be(1);
    }

    [Fact]
    public async Task What_visitors_use_one_after_the_other_brings_none_ahead()
    {
        await using var rig = await WarmRig.StartAsync(perVisitor: false);
        using var visitor = rig.Host.Visitor();
        await visitor.GetStringAsync("/");
        await visitor.GetStringAsync("/");

        rig.Client.Orders.Should().ContainSingle();
    }

    /// <summary>A pipe whose carriers stay with their visitors, each of whom has a connection of his own.</summary>
    private sealed class WarmRig : IAsyncDisposable
    {
        private readonly List<HttpClient> _visitors = [];

        public required TunnelHost Host { get; init; }

        public required FakeTimeProvider Time { get; init; }

        public required TunnelClient Client { get; init; }

        public required RawServer Resource { get; init; }

        public static async Task<WarmRig> StartAsync(bool perVisitor = true)
        {
            var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
            var host = await TunnelHost.StartAsync(o => o.Limits.WarmCarriersPerPipe = 4, time: time);
            var resource = new RawServer(async (connection, _) =>
            {
                while (await connection.ReadHeadAsync() is { Length: > 0 })
                {
                    await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
                }
            });
            var client = host.Connect();
            await client.ServeAsync(new PipeRegistration { Name = "cat1", Resource = resource.Resource, Carriers = perVisitor ? "per-visitor" : null });
            return new() { Host = host, Time = time, Client = client, Resource = resource };
        }

        /// <summary>A visitor who stays.</summary>
        public async Task<string> VisitAsync()
        {
            var visitor = Host.Visitor();
            _visitors.Add(visitor);
            return await visitor.GetStringAsync("/");
        }

        /// <summary>Until so many carriers wait for visitors.</summary>
        public async Task WarmAsync(int count)
        {
            var entry = (await Host.Services.GetRequiredService<BackendRegistry>().ReadAsync("cat1.localhost", default))!;
            var pool = Host.Services.GetRequiredService<CarrierPools>().Of(entry)!;
            await Wait.UntilAsync(() => Task.FromResult(pool.Warm), warm => warm == count);
        }

        public async ValueTask DisposeAsync()
        {
            _visitors.ForEach(v => v.Dispose());
            Client.Kill();
            await Resource.DisposeAsync();
            await Host.DisposeAsync();
        }
    }
}
