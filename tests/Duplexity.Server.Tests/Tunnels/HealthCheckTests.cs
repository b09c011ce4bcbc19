using Duplexity.Protocol;
using Duplexity.Server.Tunnels;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

/// <summary>How nodes ask the resources of a shared name whether they are well.</summary>
[Trait("Requirement", "3.6")]
public sealed class HealthCheckTests
{
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);

    [Fact]
    public async Task Who_answers_its_check_with_an_error_gets_no_visitor_until_it_is_well_again()
    {
        var isIll = false;
        await using var one = Resource("one", () => isIll ? "503 Service Unavailable" : "200 OK");
        await using var two = Resource("two", () => "204 No Content");
        await using var host = await TunnelHost.StartAsync(time: _time);
        await host.Connect(session: "one").ServeAsync(Shared(one));
        await host.Connect(session: "two").ServeAsync(Shared(two));
        using var visitor = host.Visitor();
        (await VisitAsync(visitor, 4)).Should().BeEquivalentTo("one", "two", "one", "two");

        isIll = true;
        await RoundAsync(host);
        (await VisitAsync(visitor, 6)).Should().OnlyContain(a => a == "two");

        isIll = false;
        await RoundAsync(host);
        (await VisitAsync(visitor, 4)).Should().BeEquivalentTo("one", "two", "one", "two");
    }

    [Fact]
    public async Task Who_has_frozen_is_passed_over_before_a_visitor_waits_for_it_and_for_as_long_as_it_is()
    {
        var (isFrozen, asked) = (false, new SemaphoreSlim(0));
        await using var frozen = new RawServer(async (c, _) =>
        {
            while (await c.ReadHeadAsync() is { Length: > 0 } head)
            {
                asked.Release();
                if (!isFrozen)
                {
                    await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
                }
            }
        });
        await using var well = Resource("two", () => "200 OK");
        await using var host = await TunnelHost.StartAsync(o => o.Times.HealthCheck = TimeSpan.FromDays(1), time: _time);
        await host.Connect(session: "one").ServeAsync(Shared(frozen));
        await host.Connect(session: "two").ServeAsync(Shared(well));
        using var visitor = host.Visitor();
        (await VisitAsync(visitor, 2)).Should().BeEquivalentTo("one", "two");
        await asked.WaitAsync(TunnelHost.Patience);

        isFrozen = true;
        using var patience = new CancellationTokenSource();
        var check = host.Services.GetRequiredService<CarrierPools>().CheckedWhereVisitedWithin(TimeSpan.FromMinutes(1)).Single(p => p.Entry.Session == "one").CheckAsync(patience.Token);
        await asked.WaitAsync(TunnelHost.Patience);
        await patience.CancelAsync();
        (await check).Should().BeFalse("it has become ill");

        (await VisitAsync(visitor, 6)).Should().OnlyContain(a => a == "two");
        _time.Advance(TimeSpan.FromMinutes(5));
        (await VisitAsync(visitor, 6)).Should().OnlyContain(a => a == "two", "that time passes says nothing, and no sweep forgets it");
    }

    [Fact]
    public async Task Who_was_ill_by_a_check_that_is_changed_or_taken_away_begins_anew()
    {
        await using var one = Resource("one", () => "404 Not Found");
        await using var two = Resource("two", () => "200 OK");
        await using var host = await TunnelHost.StartAsync(o => o.Times.HealthCheck = TimeSpan.FromDays(1), time: _time);
        var first = host.Connect(session: "one");
        await first.ServeAsync(Shared(one));
        await host.Connect(session: "two").ServeAsync(Shared(two));
        using var visitor = host.Visitor();
        await VisitAsync(visitor, 2);
        await RoundAsync(host);
        (await VisitAsync(visitor, 4)).Should().OnlyContain(a => a == "two");

        await first.ServeAsync(Shared(one) with { Health = null });

        (await VisitAsync(visitor, 4)).Should().BeEquivalentTo("one", "two", "one", "two");
    }

    [Fact]
    public async Task Nobody_is_asked_about_a_name_that_nobody_visits_or_that_one_session_serves_alone()
    {
        var asked = 0;
        await using var one = Resource("one", Count);
        await using var two = Resource("two", Count);
        await using var host = await TunnelHost.StartAsync(o => o.Times.HealthCheck = TimeSpan.FromDays(1), time: _time);
        await host.Connect(session: "one").ServeAsync(Shared(one));
        using var visitor = host.Visitor();
        await VisitAsync(visitor, 2);
        await RoundAsync(host);
        asked.Should().Be(0, "there is nobody else to go to");

        await host.Connect(session: "two").ServeAsync(Shared(two));
        await VisitAsync(visitor, 2);
        await RoundAsync(host);
        asked.Should().Be(2);
        _time.Advance(TimeSpan.FromSeconds(61));
        await RoundAsync(host);
        asked.Should().Be(2, "the last visitor is more than a minute ago");

        string Count()
        {
            Interlocked.Increment(ref asked);
            return "200 OK";
        }
    }

    [Fact]
    public async Task A_check_goes_to_the_path_as_no_visitor_and_over_a_carrier_of_its_own()
    {
        var heads = new List<string>();
        await using var one = Resource("one", () => "200 OK", heads.Add);
        await using var two = Resource("two", () => "200 OK");
        await using var host = await TunnelHost.StartAsync(time: _time);
        var first = host.Connect(session: "one");
        await first.ServeAsync(Shared(one) with { HostHeader = "app.example" });
        await host.Connect(session: "two").ServeAsync(Shared(two));
        using var visitor = host.Visitor();
        await VisitAsync(visitor, 2);
        var carriers = first.Orders.Count;

        await RoundAsync(host);

        first.Orders.Should().HaveCount(carriers + 1);
        heads.Should().ContainSingle().Which.Should().StartWith("GET /healthz?deep=1 HTTP/1.1\r\n").And.Contain("Host: app.example\r\n").And.Contain("User-Agent: Duplexity-Health\r\n").And.NotContain("X-Forwarded");
        (await host.Pipes.ListAsync("amy", CancellationToken.None)).Sum(p => p.Use.Exchanges).Should().Be(2, "it is no visit");
    }

    [Theory]
    [InlineData("cat1", "http://localhost:9", true, "healthz")]
    [InlineData("cat1", "http://localhost:9", true, "/health z")]
    [InlineData("cat1", "http://localhost:9", true, "/a\r\nb: c")]
    [InlineData("cat1", "http://localhost:9", null, "/healthz")]
    [InlineData(":7001", "tcp://localhost:9", true, "/healthz")]
    public async Task A_check_is_a_path_of_a_shared_hostname(string name, string resource, bool? share, string health)
    {
        await using var host = await TunnelHost.StartAsync(o => o.Pipes.Ports = "7001");
        PipeRegistration pipe = new() { Name = name, Resource = resource, Share = share, Health = health };

        (await host.Pipes.RegisterAsync(host.Connect().Session, TunnelHost.Everything, [pipe], CancellationToken.None)).Error!.Code.Should().Be(108);
    }

    private static PipeRegistration Shared(RawServer resource) => new() { Name = "cat1", Resource = resource.Resource, Share = true, Health = "/healthz?deep=1" };

    private static Task RoundAsync(TunnelHost host) => host.Services.GetServices<IHostedService>().OfType<HealthChecks>().Single().RoundAsync(default);

    private static async Task<List<string>> VisitAsync(HttpClient visitor, int count)
    {
        var answers = new List<string>();
        for (var i = 0; i < count; i++)
        {
            answers.Add(await visitor.GetStringAsync("/"));
        }

        return answers;
    }

    private static RawServer Resource(string name, Func<string> health, Action<string>? onCheck = null) => new(async (c, _) =>
    {
        while (await c.ReadHeadAsync() is { Length: > 0 } head)
        {
            var isCheck = head.StartsWith("GET /healthz", StringComparison.Ordinal);
            if (isCheck)
            {
                onCheck?.Invoke(head);
            }

            var status = isCheck ? health() : "200 OK";
            await c.SendAsync(status.StartsWith("204", StringComparison.Ordinal) ? $"HTTP/1.1 {status}\r\n\r\n" : $"HTTP/1.1 {status}\r\nContent-Length: {name.Length}\r\n\r\n{name}");
        }
    });
}
