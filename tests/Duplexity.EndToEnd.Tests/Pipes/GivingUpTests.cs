using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes;

/// <summary>Visitors who leave in the middle end what they began, and cost the next one nothing.</summary>
public sealed class GivingUpTests(NginxFixture stage) : IClassFixture<NginxFixture>
{
    [Fact]
    [Trait("Requirement", "2.16")]
    public async Task A_visitor_who_gives_up_a_download_ends_the_request_at_the_resource()
    {
        await using var visitor = await RawVisitor.ConnectAsync(stage.Service.Port);
        await visitor.RequestAsync("GET /app/endless?key=download HTTP/1.1", stage.Host);
        (await visitor.ReadHeadAsync()).Should().StartWith("HTTP/1.1 200 ");
        await visitor.ReadExactlyAsync(1_000_000);

        visitor.Reset();

        await stage.App.Signal("download-ended").Task.Soon();
    }

    [Fact]
    [Trait("Requirement", "2.16")]
    public async Task A_visitor_who_gives_up_an_upload_ends_the_request_at_the_resource()
    {
        await using var visitor = await RawVisitor.ConnectAsync(stage.Service.Port);
        await visitor.RequestAsync("POST /app/swallow?key=upload HTTP/1.1", stage.Host, "Content-Length: 100000000");
        await visitor.SendAsync(new byte[1_000_000]);
        await stage.App.Signal("upload-began").Task.Soon();

        visitor.Reset();

        await stage.App.Signal("upload-ended").Task.Soon();
    }

    [Fact]
    [Trait("Requirement", "3.3")]
    public async Task Fifty_who_abandon_large_downloads_ten_times_over_leave_the_next_one_served_at_once()
    {
        for (var round = 0; round < 10; round++)
        {
            var visitors = await Task.WhenAll(Enumerable.Range(0, 50).Select(async _ =>
            {
                var visitor = await RawVisitor.ConnectAsync(stage.Service.Port);
                await visitor.RequestAsync("GET /hundred.bin HTTP/1.1", stage.Host);
                (await visitor.ReadHeadAsync()).Should().StartWith("HTTP/1.1 200 ");
                return visitor;
            })).Soon(TestTimeout.Long);
            foreach (var visitor in visitors)
            {
                visitor.Reset();
            }

            (await stage.Visitor.GetStringAsync("/index.html").Soon(null, $"the next visitor after round {round}"))
                .Should().Be("<h1>hello from nginx</h1>\n");
        }
    }

    [Fact]
    [Trait("Requirement", "3.3")]
    public async Task A_visitor_who_stops_reading_slows_only_itself()
    {
        await using var stalled = await RawVisitor.ConnectAsync(stage.Service.Port, receiveBuffer: 4096);
        await stalled.RequestAsync("GET /app/endless?key=stalled HTTP/1.1", stage.Host);
        (await stalled.ReadHeadAsync()).Should().StartWith("HTTP/1.1 200 ");

        for (var i = 0; i < 100; i++)
        {
            (await stage.Visitor.GetAsync("/index.html").Soon()).EnsureSuccessStatusCode().Dispose();
        }
    }
}
