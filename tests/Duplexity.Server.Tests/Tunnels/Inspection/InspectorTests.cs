using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Server.Tunnels.Inspection;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Inspection;

/// <summary>What is kept of what came in at a pipe, how long, and how much of it.</summary>
public sealed class InspectorTests
{
    private const string Canary = "CANARY-5f1d";

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task An_exchange_is_kept_with_headers_bodies_times_and_gates_for_its_owner()
    {
        await using var cat = await InspectedPipe.StartAsync((_, body) => ("X-Mine: yes\r\n", Encoding.UTF8.GetBytes($"got {body}")), s => s.Services = services => services.Insert(0, ServiceDescriptor.Singleton<IStartupFilter>(new Gate())));

        var (answer, kept) = await cat.VisitAsync(HttpMethod.Post, "/hook?a=1", new StringContent("hello"), ("X-Theirs", "no"));

        answer.Should().Be("got hello");
        kept.Exchange.Should().BeEquivalentTo(new { Pipe = "cat1.localhost", Method = "POST", Target = "/hook?a=1", Status = 200, Visitor = "127.0.0.1", RequestBytes = 5, ResponseBytes = 9, ReplayOf = (string?)null });
        kept.Request.Headers.Should().ContainEquivalentOf(new { Name = "X-Theirs", Value = "no" });
        kept.Response.Headers.Should().ContainEquivalentOf(new { Name = "X-Mine", Value = "yes" });
        (Text(kept.Request), kept.Request.IsWhole, Text(kept.Response), kept.Response.IsWhole).Should().Be(("hello", true, "got hello", true));
        kept.Timings.LocatedMs.Should().BeLessThanOrEqualTo(kept.Timings.CarrierMs!.Value);
        kept.Timings.CarrierMs.Should().BeLessThanOrEqualTo(kept.Timings.FirstByteMs!.Value);
        kept.Timings.FirstByteMs.Should().BeLessThanOrEqualTo(kept.Timings.EndMs!.Value);
        kept.Gates.Should().ContainSingle().Which.Should().BeEquivalentTo(new { Gate = "test", Outcome = "passed" });
        kept.Exchange.Client.Should().Be("bob");
        kept.Url.Should().Be($"http://cat1.localhost:{cat.Node.Port}");
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task No_secret_is_kept_wherever_it_stands()
    {
        var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(Encoding.UTF8.GetBytes($$"""{"access_token": "{{Canary}}", "state": "open", "refresh_token":"{{Canary}}\"x{{Canary}}"}"""));
        }

        await using var cat = await InspectedPipe.StartAsync((_, _) => (
            $"Set-Cookie: a={Canary}\r\nSet-Cookie: b={Canary}\r\nLocation: https://me:{Canary}@app.example.org/cb?code={Canary}&ok=1#access_token={Canary}&t=1\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n",
            compressed.ToArray()));

        var (_, form) = await cat.VisitAsync(
            HttpMethod.Post,
            $"/cb?code={Canary}&State={Canary}&ok=1&access%5Ftoken={Canary}&ticket={Canary}",
            new FormUrlEncodedContent([new("password", Canary), new("name", "amy"), new("access_token", Canary)]),
            ("Authorization", $"Bearer {Canary}"), ("Cookie", $"s={Canary}"), ("Proxy-Authorization", Canary), ("X_Api_Key", Canary), ("Referer", $"https://x.example.org/?access_token={Canary}&ok=2"));
        var (_, parts) = await cat.VisitAsync(HttpMethod.Post, "/", new MultipartFormDataContent("xx") { { new StringContent(Canary), "password" }, { new StringContent("amy"), "name" } });
        var (_, json) = await cat.VisitAsync(HttpMethod.Post, "/", new StringContent($$"""{"client_secret":"{{Canary}}","code":400}""", Encoding.UTF8, "application/json"));

        foreach (var kept in (ExchangeDetail[])[form, parts, json])
        {
            JsonSerializer.Serialize(kept).Should().NotContain(Canary);
            (Text(kept.Request) + Text(kept.Response)).Should().NotContain(Canary);
        }

        form.Exchange.Target.Should().Be("/cb?code=[redacted]&State=[redacted]&ok=1&access%5Ftoken=[redacted]&ticket=[redacted]");
        Text(form.Request).Should().Be("password=[redacted]&name=amy&access_token=[redacted]");
        Text(form.Response).Should().Be("""{"access_token": "[redacted]", "state": "open", "refresh_token":"[redacted]"}""");
        form.Request.Redacted.Should().Contain(["header Authorization", "header Cookie", "member code of the query", "member password"]);
        form.Response.Headers.Should().ContainEquivalentOf(new { Name = "Location", Value = "https://[redacted]@app.example.org/cb?code=[redacted]&ok=1#access_token=[redacted]&t=1" });
        Text(parts.Request).Should().Contain("amy").And.Contain("[redacted]");
        Text(json.Request).Should().Be("""{"client_secret":"[redacted]","code":400}""");
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Of_a_long_body_the_visitor_gets_all_and_the_begin_is_kept()
    {
        var page = Encoding.ASCII.GetBytes(new string('x', 300_000));
        await using var cat = await InspectedPipe.StartAsync((_, _) => ("", page));

        var (answer, kept) = await cat.VisitAsync(HttpMethod.Get, "/");

        answer.Length.Should().Be(300_000);
        kept.Exchange.ResponseBytes.Should().Be(300_000);
        (kept.Response.Body!.Length, kept.Response.IsWhole).Should().Be((64 * 1024, false));
        await Wait.UntilAsync(() => Task.FromResult(cat.Node.Services.GetRequiredService<ExchangeRoom>().Taken), taken => taken == 0); // what was held while it ran is given back
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_pipe_keeps_no_more_than_its_bytes_the_newest_and_so_does_the_node()
    {
        await using var cat = await InspectedPipe.StartAsync((_, _) => ("", new byte[10_000]), s => s.Options = o => (o.Limits.InspectorBytesPerPipe, o.Limits.InspectorBytes) = (50_000, 80_000));
        await using var dog = await cat.Amy.Pipes.OpenAsync("dog", cat.Resource, new PipeOptions { Inspect = true });
        var dogs = cat.Amy.Pipes.WatchExchangesAsync("dog", 100).GetAsyncEnumerator();
        var firstDog = dogs.MoveNextAsync();
        var store = cat.Node.Services.GetRequiredService<ExchangeStore>();

        for (var i = 0; i < 10; i++)
        {
            await cat.VisitAsync(HttpMethod.Get, $"/{i}");
        }

        var kept = await cat.Amy.Pipes.ExchangesAsync("cat1");
        kept[^1].Target.Should().Be("/9");
        kept.Should().HaveCountGreaterThan(1).And.HaveCountLessThan(6);
        store.Bytes.Should().BeLessThanOrEqualTo(50_000);
        for (var i = 0; i < 4; i++)
        {
            using var visit = await cat.Node.VisitAsync("dog").Soon();
            await visit.Content.ReadAsByteArrayAsync();
            (await firstDog.Soon()).Should().BeTrue();
            firstDog = dogs.MoveNextAsync();
        }

        store.Bytes.Should().BeLessThanOrEqualTo(60_000, "a quarter is for what runs");
        (await cat.Amy.Pipes.ExchangesAsync("cat1")).Count.Should().BeLessThan(kept.Count, "the oldest of the node are out first");
        await cat.Amy.DisposeAsync();
        (await firstDog.Soon()).Should().BeFalse("the watch ends with the connection");
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    public async Task What_is_kept_ends_with_the_registration_and_nobody_after_it_sees_it()
    {
        await using var cat = await InspectedPipe.StartAsync(setup: s => s.Options = o => o.Times.HandOver = TimeSpan.Zero);
        await cat.VisitAsync(HttpMethod.Get, "/secret");
        var store = cat.Node.Services.GetRequiredService<ExchangeStore>();
        var old = store.Entries.Should().ContainSingle().Subject;
        var running = store.Open(old);

        await cat.Pipe.DisposeAsync();

        (store.Entries.Count, store.Bytes).Should().Be((0, 0));
        store.Add(running, new ExchangeDetail(), 100);
        store.Bytes.Should().Be(0, "what ends after it is not kept either");
        await using var ben = await cat.Node.ConnectAsync("ben");
        await using var bens = await ben.Pipes.OpenAsync("cat1", cat.Resource, new PipeOptions { Inspect = true });
        (await ben.Pipes.ExchangesAsync("cat1")).Should().BeEmpty();
        await ShouldBeRefused(() => cat.Amy.Pipes.ExchangesAsync("cat1"), Errors.UnknownDestination.Code);
        using var visit = await cat.Node.VisitAsync("cat1").Soon();
        store.Open(old).IsOver.Should().BeTrue("an older generation takes no newer one's place");
    }

    [Fact]
    [Trait("Guarantee", "G7")]
    [Trait("Requirement", "3.6")]
    public async Task Of_a_shared_name_what_all_programs_had_is_kept_and_seen_and_goes_with_each()
    {
        await using var node = await TestNode.StartAsync();
        await using var resource = new RawServer(async (connection, _) =>
        {
            while (await connection.ReadHeadAsync() is { Length: > 0 })
            {
                await connection.SendAsync("HTTP/1.1 204 No Content\r\n\r\n");
            }
        });
        var shared = new PipeOptions { Share = true, Inspect = true };
        await using var first = await node.ConnectAsync("amy");
        await using var second = await node.ConnectAsync("amy");
        var one = await first.Pipes.OpenAsync("cat1", resource.Resource, shared).Soon();
        await using var two = await second.Pipes.OpenAsync("cat1", resource.Resource, shared).Soon();
        await using var watching = first.Pipes.WatchExchangesAsync("cat1", 100).GetAsyncEnumerator();
        string[] targets = ["/0", "/1", "/2", "/3"];
        foreach (var target in targets)
        {
            (await node.VisitAsync("cat1", target).Soon()).Dispose();
            (await watching.MoveNextAsync().Soon()).Should().BeTrue();
            (watching.Current.Target, watching.Current.Pipe).Should().Be((target, "cat1.localhost"));
        }

        var all = await second.Pipes.ExchangesAsync("cat1").Soon();
        all.Select(e => e.Target).Should().Equal(targets, "in the order in which they ended");
        all.Select(e => e.Session).Distinct().Should().HaveCount(2, "each program had its part");
        foreach (var exchange in all)
        {
            (await first.Pipes.ReadExchangeAsync("cat1", exchange.Id).Soon())!.Exchange.Session.Should().Be(exchange.Session);
        }

        // A third program, and a session that leaves, disturb nobody who watches the others.
        await using var third = await node.ConnectAsync("amy");
        await using var three = await third.Pipes.OpenAsync("cat1", resource.Resource, shared).Soon();
        await one.DisposeAsync();
        var left = await second.Pipes.ExchangesAsync("cat1").Soon();
        left.Should().HaveCount(2).And.OnlyContain(e => e.Session == left[0].Session, "the other's went with it");
        (await node.VisitAsync("cat1", "/next").Soon()).Dispose();
        (await watching.MoveNextAsync().Soon()).Should().BeTrue();
        watching.Current.Target.Should().Be("/next", "nothing is told twice");
    }

    [Fact]
    public async Task Of_a_pipe_that_does_not_ask_for_it_nothing_is_kept_and_TCP_cannot_ask()
    {
        await using var cat = await InspectedPipe.StartAsync();
        await using var plain = await cat.Amy.Pipes.OpenAsync("plain", cat.Resource);
        using var visit = await cat.Node.VisitAsync("plain").Soon();
        await visit.Content.ReadAsByteArrayAsync();
        await cat.VisitAsync(HttpMethod.Get, "/");

        cat.Node.Services.GetRequiredService<ExchangeStore>().Entries.Should().ContainSingle().Which.Name.Should().Be("cat1.localhost");
        await ShouldBeRefused(() => cat.Amy.Pipes.ExchangesAsync("plain"), Errors.InvalidRequest.Code);
        await ShouldBeRefused(() => cat.Amy.Pipes.OpenAsync(":", "tcp://localhost:22", new PipeOptions { Inspect = true }), Errors.InvalidPipe.Code);
    }

    internal static async Task ShouldBeRefused(Func<Task> call, int code) => (await call.Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(code);

    private static string Text(ExchangeMessage message) => Encoding.UTF8.GetString(message.Body ?? []);

    /// <summary>Stands where gates of visitors do.</summary>
    private sealed class Gate : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(rest => context =>
            {
                context.Response.OnStarting(() =>
                {
                    GateNotes.Add(context, "test", "passed");
                    GateNotes.Client(context, "bob");
                    return Task.CompletedTask;
                });
                return rest(context);
            });
            next(app);
        };
    }
}
