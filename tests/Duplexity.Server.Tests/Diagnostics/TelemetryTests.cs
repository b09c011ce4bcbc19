using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using Duplexity.Host;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpenTelemetry.Metrics;
using Xunit;

namespace Duplexity.Server.Tests.Diagnostics;

/// <summary>What the node measures on its way out: to Prometheus, and by OTLP (G18, G25).</summary>
[Trait("Guarantee", "G18")]
[Collection("Exporters")]
public sealed class TelemetryTests
{
    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task Prometheus_reads_what_the_node_measures_at_an_address_of_its_own_and_no_name_of_anybody()
    {
        await using var node = await StartAsync(("Duplexity:Metrics:Address", "http://127.0.0.1:0"));
        using var prometheus = new HttpClient { BaseAddress = node.Services.GetRequiredService<MetricsListener>().Address };
        await using var amy = await StockSocket.DataAsync(node, "canary-amy");
        await amy.JoinAsync("room:canary-room");
        await using var ben = await StockSocket.DataAsync(node, "canary-ben");
        await ben.SendAsync("canary-text", "room:canary-room");
        await ben.SendAsync("canary-text", "canary-nowhere");
        await amy.NextAsync();

        var text = await prometheus.GetStringAsync("metrics");

        text.Should().Contain("""duplexity_sends_total{""").And.Contain("outcome=\"stored\"").And.Contain("duplexity_append_duration_seconds_bucket").And.Contain("le=\"0.00025\"")
            .And.Contain("duplexity_connections{").And.Contain("hub=\"data\"").And.Contain("error_type=\"invalid_address\"").And.Contain("dotnet_");
        text.Should().NotContain("canary");
        (await prometheus.GetAsync("")).StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await prometheus.GetAsync("data/negotiate")).StatusCode.Should().Be(HttpStatusCode.NotFound, "nothing of the service answers there");
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    public async Task The_service_itself_has_no_metrics_and_a_page_under_another_name_reads_none()
    {
        await using var node = await StartAsync(("Duplexity:Metrics:Address", "http://127.0.0.1:0"));
        var address = node.Services.GetRequiredService<MetricsListener>().Address;
        using var rebound = new HttpRequestMessage(HttpMethod.Get, new Uri(address, "metrics"));
        rebound.Headers.Host = $"rebind.test:{address.Port}";

        (await node.Http.GetAsync("metrics")).StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await node.VisitAsync("cat1", "/metrics")).StatusCode.Should().Be(HttpStatusCode.NotFound, "there is no such pipe");
        (await node.Http.SendAsync(rebound)).StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("http://0.0.0.0:9464", "others may reach")]
    [InlineData("http://metrics.example.org:9464", "others may reach")]
    [InlineData("https://127.0.0.1:9464", "write http")]
    [InlineData("9464", "write http")]
    [InlineData("http://127.0.0.1:9464/metrics", "write http")]
    public async Task An_address_that_others_reach_or_that_is_none_is_refused_at_start(string address, string why) =>
        (await FluentActions.Awaiting(() => StartAsync(("Duplexity:Metrics:Address", address))).Should().ThrowAsync<OptionsValidationException>()).Which.Message
            .Should().Contain("Duplexity:Metrics:Address").And.Contain(why);

    [Fact]
    public async Task An_operator_may_say_that_others_read_them()
    {
        await using var node = await StartAsync(("Duplexity:Metrics:Address", "http://0.0.0.0:0"), ("Duplexity:Metrics:Open", "true"));
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{node.Services.GetRequiredService<MetricsListener>().Address.Port}/metrics");
        request.Headers.Host = "node1:9464";

        using var answer = await node.Http.SendAsync(request);

        (await answer.Content.ReadAsStringAsync()).Should().Contain("duplexity_connections");
    }

    [Fact]
    public async Task An_address_that_is_taken_is_named()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var address = $"http://127.0.0.1:{((IPEndPoint)other.LocalEndpoint).Port}";

        (await FluentActions.Awaiting(() => StartAsync(("Duplexity:Metrics:Address", address))).Should().ThrowAsync<ListenException>()).Which.Message.Should().Contain(address).And.Contain("in use");
    }

    [Fact]
    public async Task Where_nothing_is_set_nothing_of_OpenTelemetry_is_there()
    {
        await using var node = await StartAsync();

        node.Services.GetService<MeterProvider>().Should().BeNull();
    }

    [Fact]
    public async Task OpenTelemetrys_own_variables_send_them_by_OTLP()
    {
        var sent = Channel.CreateUnbounded<(string Path, string Body)>();
        await using var collector = await CollectorAsync(sent.Writer);
        await using var node = await StartAsync(("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Urls.Single()), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"), ("OTEL_SERVICE_NAME", "hub-of-tests"));
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await amy.SendAsync("hello", "room:r");

        node.Services.GetRequiredService<MeterProvider>().ForceFlush(30_000).Should().BeTrue();

        var (path, body) = await sent.Reader.ReadAsync().Soon();
        path.Should().Be("/v1/metrics");
        body.Should().Contain("duplexity.sends").And.Contain("hub-of-tests").And.NotContain("amy");
        node.Services.GetService<MetricsListener>().Should().BeNull();
    }

    private static Task<TestNode> StartAsync(params (string Name, string? Value)[] settings) => TestNode.StartAsync(s =>
    {
        foreach (var (name, value) in settings)
        {
            s.Settings[name] = value;
        }

        s.Services = services => services.AddTelemetry(new ConfigurationBuilder().AddInMemoryCollection(s.Settings).Build());
    });

    private static async Task<WebApplication> CollectorAsync(ChannelWriter<(string Path, string Body)> sent)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapFallback(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            sent.TryWrite((context.Request.Path, Encoding.Latin1.GetString(body.ToArray())));
        });
        await app.StartAsync();
        return app;
    }
}
