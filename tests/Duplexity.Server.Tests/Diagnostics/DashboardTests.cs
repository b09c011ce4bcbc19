using System.Text.Json;
using System.Text.RegularExpressions;
using Duplexity.Host;
using Duplexity.Server.Diagnostics;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Diagnostics;

/// <summary>The dashboard and the alerts ask for what is measured, under the names that Prometheus really reads.</summary>
[Collection("Exporters")]
public sealed partial class DashboardTests(Redis.RedisFixture redis) : IClassFixture<Redis.RedisFixture>
{
    [Fact]
    public async Task Every_metric_of_the_dashboard_and_of_the_alerts_is_read_by_Prometheus_and_every_metric_of_ours_is_on_the_dashboard()
    {
        var expressions = Expressions(JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(ProcessTools.Root, "server/Duplexity.Host/grafana/duplexity.json"))).RootElement).ToList();
        var alerts = Alert().Matches(await File.ReadAllTextAsync(OperationsPage.FilePath)).Select(m => m.Groups[1].Value).ToList();
        var read = (await ReadAsync(("Duplexity:Data", "data"))).Concat(await ReadAsync(("Duplexity:Redis:Connection", redis.Server.Connection), ("Duplexity:Redis:Prefix", redis.NextPrefix()))).ToHashSet();

        expressions.Should().HaveCountGreaterThan(20);
        alerts.Should().HaveCountGreaterThan(5);
        expressions.Concat(alerts).SelectMany(Named).Distinct().Should().BeSubsetOf(read);
        var shown = expressions.SelectMany(Named).ToHashSet();
        read.Where(name => name.StartsWith("duplexity_", StringComparison.Ordinal) && !shown.Contains(name) && !shown.Contains(Histogram().Replace(name, "")) && !shown.Contains(Histogram().Replace(name, "") + "_bucket"))
            .Should().BeEmpty();
    }

    /// <summary>The names that a node's /metrics has when everything has been measured once.</summary>
    private static async Task<IEnumerable<string>> ReadAsync(params (string Name, string Value)[] settings)
    {
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Settings["Duplexity:Metrics:Address"] = "http://127.0.0.1:0";
            foreach (var (name, value) in settings)
            {
                s.Settings[name] = value;
            }

            s.Builder = b =>
            {
                if (s.Settings.TryGetValue("Duplexity:Redis:Connection", out var connection))
                {
                    b.AddRedis(connection);
                }
            };
            s.Services = services => services.AddTelemetry(new ConfigurationBuilder().AddInMemoryCollection(s.Settings).Build());
        });
        var metrics = node.Services.GetRequiredService<Metrics>();
        metrics.Sent(null);
        metrics.Refused(DuplexityError.Of(Errors.Denied, "No."), "data");
        metrics.Appended("stored", TimeSpan.Zero);
        metrics.Delivered(1);
        metrics.Waited(TimeSpan.Zero);
        metrics.ClosedAsSlow("age");
        metrics.LeftOut("exchanges");
        metrics.Visited(200, TimeSpan.Zero);
        metrics.Carried(1, toVisitor: true);
        metrics.Revoked("client");
        metrics.RevokedIdentity();
        using var prometheus = new HttpClient { BaseAddress = node.Services.GetRequiredService<MetricsListener>().Address };
        var text = await prometheus.GetStringAsync("metrics");
        return Line().Matches(text).Select(m => m.Groups[1].Value).Distinct();
    }

    private static IEnumerable<string> Expressions(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(p => p.NameEquals("expr") ? [p.Value.GetString()!] : Expressions(p.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Expressions),
        _ => [],
    };

    private static IEnumerable<string> Named(string expression) => Name().Matches(expression).Select(m => m.Value);

    [GeneratedRegex(@"\b(?:duplexity|dotnet|http_server|kestrel|signalr)_[a-z_]+")]
    private static partial Regex Name();

    [GeneratedRegex(@"^([a-z_]+)[{ ]", RegexOptions.Multiline)]
    private static partial Regex Line();

    [GeneratedRegex("_(bucket|count|sum)$")]
    private static partial Regex Histogram();

    [GeneratedRegex(@"^\| `([^`]*duplexity_[^`]*)`", RegexOptions.Multiline)]
    private static partial Regex Alert();
}
