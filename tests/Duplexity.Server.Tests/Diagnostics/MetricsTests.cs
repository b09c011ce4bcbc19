using System.Diagnostics.Metrics;
using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Sockets;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Diagnostics;

/// <summary>What a node measures, heard by a listener as an exporter is one.</summary>
[Collection("Exporters")]
[Trait("Guarantee", "G25")]
public sealed class MetricsTests
{
    private const string Answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

    [Fact]
    public async Task A_message_is_counted_where_it_is_sent_where_it_is_appended_and_for_each_socket_that_gets_it()
    {
        await using var node = await TestNode.StartAsync();
        using var measured = new Measured(node.Services);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var cleo = await StockSocket.DataAsync(node, "cleo");
        await amy.JoinAsync("room:r");
        await cleo.JoinAsync("room:r");

        await ben.SendAsync("hello", "room:r");

        await measured.UntilAsync(2, "duplexity.deliveries");
        (await measured.UntilAsync(1, "duplexity.sends", ("outcome", "stored"))).Should().ContainSingle().Which.Unit.Should().Be("{message}");
        measured.Of("duplexity.append.duration", ("outcome", "stored")).Should().ContainSingle().Which.Should().Match<Measured.Measurement>(m => m.Unit == "s" && m.Value > 0);
        measured.Of("duplexity.delivery.wait").Should().HaveCount(2).And.OnlyContain(m => m.Unit == "s" && m.Value >= 0);
        measured.Of("duplexity.refusals").Should().BeEmpty();
    }

    [Fact]
    public async Task A_refusal_is_counted_by_the_name_of_its_error_and_by_where_the_call_came()
    {
        await using var node = await TestNode.StartAsync();
        using var measured = new Measured(node.Services);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var control = await StockSocket.ControlAsync(node, "amy");

        await amy.SendAsync("hello", "nowhere");
        await amy.SendAsAsync("ben", "hello", "room:r");
        await control.InvokeAsync<Done>(nameof(IControlHub.Revoke), new RevokeRequest { Client = "ben" });

        (await measured.UntilAsync(1, "duplexity.refusals", ("error.type", "invalid_address"), ("by", "data"))).Should().ContainSingle();
        (await measured.UntilAsync(1, "duplexity.refusals", ("error.type", "identity_not_held"), ("by", "data"))).Should().ContainSingle();
        (await measured.UntilAsync(1, "duplexity.refusals", ("by", "control"))).Should().ContainSingle();
        measured.Of("duplexity.sends", ("outcome", "refused")).Should().ContainSingle("the other one was refused before it was a send");
    }

    [Fact]
    public async Task What_is_there_is_counted_when_somebody_looks()
    {
        await using var node = await TestNode.StartAsync(s => s.Settings["Duplexity:Data"] = "data");
        using var measured = new Measured(node.Services);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var amyAgain = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await using var control = await StockSocket.ControlAsync(node, "ben");
        await control.InvokeAsync<DiscoveryResponse>(nameof(IControlHub.Discover), new DiscoveryRequest { Session = "s1" });
        var before = measured.Now("duplexity.channels").Single().Value;
        await amy.JoinAsync("room:r");

        measured.Now("duplexity.connections", ("hub", "data")).Single().Value.Should().Be(3);
        measured.Now("duplexity.connections", ("hub", "control")).Single().Value.Should().Be(1);
        measured.Now("duplexity.clients").Single().Value.Should().Be(2);
        measured.Now("duplexity.sessions").Single().Value.Should().Be(1);
        measured.Now("duplexity.channels").Single().Value.Should().Be(before + 1);
        measured.Now("duplexity.engine.away").Single().Value.Should().Be(0);
        measured.Now("duplexity.lease.left").Should().BeEmpty("a node that is alone may act for ever");
        measured.Now("duplexity.log.size").Single().Should().Match<Measured.Measurement>(m => m.Unit == "By" && m.Value > 0);
        measured.Now("duplexity.append.waiting").Should().ContainSingle();
    }

    [Fact]
    public async Task A_visitor_is_counted_by_how_the_request_ended_with_its_bytes_both_ways()
    {
        await using var node = await TestNode.StartAsync();
        using var measured = new Measured(node.Services);
        await using var site = new RawResource(async visitor =>
        {
            await visitor.ReadHeadAsync();
            await visitor.SendAsync(Answer);
        });
        await using var todd = await node.ConnectAsync("todd");
        await using var pipe = await todd.Pipes.OpenAsync("cat1", site.Authority).Soon();

        using var served = await node.VisitAsync("cat1", "/private?token=canary").Soon();
        await served.Content.ReadAsStringAsync();
        using var nobody = await node.VisitAsync("nobody").Soon();

        measured.Now("duplexity.pipes").Single().Value.Should().Be(1);
        await measured.UntilAsync(double.Epsilon, "duplexity.visitor.request.duration", ("kind", "http"), ("outcome", "2xx"));
        await measured.UntilAsync(double.Epsilon, "duplexity.visitor.request.duration", ("kind", "http"), ("outcome", "4xx"));
        (await measured.UntilAsync(Answer.Length, "duplexity.visitor.io", ("direction", "to_visitor"))).Should().OnlyContain(m => m.Unit == "By");
        measured.Of("duplexity.visitor.io", ("direction", "to_resource")).Sum(m => m.Value).Should().BeGreaterThan("GET /private?token=canary HTTP/1.1".Length);
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task A_revocation_is_counted_with_the_identities_that_were_lost()
    {
        await using var node = await TestNode.StartAsync();
        using var measured = new Measured(node.Services);
        await using var amy = await StockSocket.DataAsync(node, "amy");

        await node.Services.GetRequiredService<IDuplexity>().RevokeAsync("amy");

        measured.Of("duplexity.revocations").Should().ContainSingle().Which.Tags["what"].Should().Be("client");
        (await measured.UntilAsync(1, "duplexity.revocation.identities")).Sum(m => m.Value).Should().Be(1);
        measured.Now("duplexity.system_log.told").Single().Value.Should().Be(1);
        measured.Now("duplexity.system_log.unconfirmed").Single().Value.Should().Be(0);
    }

    [Fact]
    public async Task A_socket_that_does_not_read_is_counted_once()
    {
        await using var node = await TestNode.StartAsync();
        using var measured = new Measured(node.Services);
        await using var amy = await StockSocket.DataAsync(node, "amy");
        var socket = node.Services.GetRequiredService<SocketIndex>().Find(amy.Id)!;

        socket.CloseAsSlow("age");
        socket.CloseAsSlow("size");

        measured.Of("duplexity.slow_consumers").Should().ContainSingle().Which.Tags["reason"].Should().Be("age");
    }

    [Fact]
    public async Task No_tag_has_a_name_of_a_client_a_channel_or_a_pipe()
    {
        await using var node = await TestNode.StartAsync();
        using var measured = new Measured(node.Services);
        await using var amy = await StockSocket.DataAsync(node, "canary-amy");
        await using var todd = await node.ConnectAsync("canary-todd");
        await todd.Pipes.OpenAsync("canary-site", "127.0.0.1:1").Soon();
        await amy.JoinAsync("room:canary-room");

        await amy.SendAsync("canary-text", "room:canary-room", "room:canary-other");
        await amy.SendAsync("canary-text", "canary-nowhere");
        using var answer = await node.VisitAsync("canary-site", "/canary-path").Soon();
        await measured.UntilAsync(double.Epsilon, "duplexity.visitor.request.duration");
        await node.Services.GetRequiredService<IDuplexity>().RevokeAsync("canary-amy");

        _ = measured.Now("duplexity.clients");
        measured.All.Select(m => m.Name).Distinct().Should().HaveCountGreaterThan(15);
        measured.All.SelectMany(m => m.Tags).Select(t => $"{t.Key}={t.Value}").Distinct().Should().NotContain(t => t.Contains("canary", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Guarantee", "G11")]
    public void Nothing_is_made_where_nobody_listens()
    {
        using var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var metrics = new Metrics(services.GetRequiredService<IMeterFactory>());
        var refused = DuplexityError.Of(Errors.Denied, "No.");
        All();

        var before = GC.GetAllocatedBytesForCurrentThread();
        All();
        var made = GC.GetAllocatedBytesForCurrentThread() - before;

        made.Should().Be(0);
        (metrics.CountsSends, metrics.TimesAppends, metrics.TimesDeliveries).Should().Be((false, false, false));

        void All()
        {
            metrics.Sent(refused);
            metrics.Refused(refused, "data");
            metrics.Appended("stored", TimeSpan.Zero);
            metrics.Delivered(3);
            metrics.Waited(TimeSpan.Zero);
            metrics.ClosedAsSlow("age");
            metrics.LeftOut("exchanges");
            metrics.Visited(200, TimeSpan.Zero);
            metrics.Connected(true, TimeSpan.Zero);
            metrics.Carried(100, toVisitor: true);
            metrics.Revoked("client");
            metrics.RevokedIdentity();
        }
    }
}
