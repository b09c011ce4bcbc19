using System.Diagnostics;
using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Tests.Redis;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Diagnostics;

/// <summary>The way of a message and of a visitor's request as spans, heard by a listener as an exporter is one.</summary>
[Collection("Exporters")]
public sealed class SpansTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    private const string Answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

    [Fact]
    [Trait("Requirement", "1.13")]
    public async Task A_message_is_followed_through_gates_and_log_to_those_who_listen_and_clients_see_nothing_of_it()
    {
        using var heard = new HeardSpans();
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "canary-amy", json: true);
        await using var ben = await StockSocket.DataAsync(node, "canary-ben");
        await amy.JoinAsync("room:canary-room");

        var receipt = await ben.SendAsync("canary-text", "room:canary-room");
        await amy.NextAsync();

        var message = await heard.OneAsync("message", s => Equals(s.GetTagItem("messaging.message.id"), receipt.MessageId));
        message.Kind.Should().Be(ActivityKind.Producer);
        message.ParentId.Should().BeNull();
        (await heard.OneAsync("gates", s => s.TraceId == message.TraceId)).ParentSpanId.Should().Be(message.SpanId);
        (await heard.OneAsync("append", s => s.TraceId == message.TraceId)).Should().Match<Activity>(s => s.ParentSpanId == message.SpanId && Equals(s.GetTagItem("outcome"), "stored"));
        (await heard.OneAsync("deliver", s => s.TraceId == message.TraceId)).Should().Match<Activity>(s => s.ParentSpanId == message.SpanId && Equals(s.GetTagItem("duplexity.subscriptions"), 1));
        heard.Of(message.TraceId).SelectMany(s => s.TagObjects).Select(t => $"{t.Key}={t.Value}").Should().NotContain(t => t.Contains("canary", StringComparison.Ordinal));
        Activity.Current.Should().BeNull();
    }

    [Fact]
    public async Task A_refused_message_ends_its_span_with_the_name_of_the_error()
    {
        using var heard = new HeardSpans();
        await using var node = await TestNode.StartAsync(s => s.Builder = b => b.AddGate(Step.Entry, "room:closed", _ => new(GateResult.Refuse("Closed.")), "door"));
        await using var ben = await StockSocket.DataAsync(node, "ben");

        (await ben.SendAsync("x", "room:closed")).Error!.Code.Should().Be(Errors.GateRefused.Code);

        (await heard.OneAsync("message", s => Equals(s.GetTagItem("error.type"), "gate_refused"))).Status.Should().Be(ActivityStatusCode.Error);
    }

    [Fact]
    [Trait("Requirement", "1.23")]
    public async Task Another_node_goes_on_with_the_trace_and_nothing_of_it_is_on_the_wire()
    {
        using var heard = new HeardSpans();
        await using var pair = await RedisPair.StartAsync(redis);
        await using var amy = await StockSocket.DataAsync(pair.B, "amy", json: true);
        await using var ben = await StockSocket.DataAsync(pair.A, "ben");
        await amy.JoinAsync("room:r");

        // What a listener that has just joined reads back from the log has no span: the first one that is handed on as it comes has.
        Activity message;
        DeliveredMessage got;
        do
        {
            var receipt = await ben.SendAsync("hello", "room:r");
            got = await amy.NextAsync();
            await amy.SettleAsync(ben);
            message = await heard.OneAsync("message", s => Equals(s.GetTagItem("messaging.message.id"), receipt.MessageId));
        }
        while (!heard.Of(message.TraceId).Any(s => s.OperationName == "deliver"));
        var deliver = heard.Of(message.TraceId).Single(s => s.OperationName == "deliver");
        deliver.Should().Match<Activity>(s => s.ParentSpanId == message.SpanId && s.HasRemoteParent);
        System.Text.Json.JsonSerializer.Serialize(got).Should().NotContain(message.TraceId.ToString());
        System.Text.Json.JsonSerializer.Serialize(await amy.InvokeAsync<HistoryResponse>("History", new HistoryRequest { Channel = "room:r" })).Should().Contain("hello").And.NotContain(message.TraceId.ToString());
    }

    [Fact]
    [Trait("Requirement", "3.4")]
    public async Task A_visit_is_followed_and_the_resource_gets_the_trace_that_its_visitor_sent_or_none()
    {
        using var heard = new HeardSpans();
        var heads = System.Threading.Channels.Channel.CreateUnbounded<string>();
        await using var node = await TestNode.StartAsync();
        await using var site = new RawResource(async visitor =>
        {
            heads.Writer.TryWrite(await visitor.ReadHeadAsync());
            await visitor.SendAsync(Answer);
        });
        await using var todd = await node.ConnectAsync("todd");
        await using var pipe = await todd.Pipes.OpenAsync("cat1", site.Authority).Soon();
        var visitors = ActivityTraceId.CreateRandom();
        var sent = $"00-{visitors}-{ActivitySpanId.CreateRandom()}-01";

        using var plain = await node.VisitAsync("cat1", "/plain").Soon();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(node.Listening, "/traced"));
        request.Headers.Add("traceparent", sent);
        using var traced = await node.VisitAsync("cat1", request).Soon();

        (await heads.Reader.ReadAsync().Soon()).Should().Contain("GET /plain").And.NotContainEquivalentOf("traceparent");
        (await heads.Reader.ReadAsync().Soon()).Should().Contain("GET /traced").And.ContainEquivalentOf($"traceparent: {sent}");
        var visit = await heard.OneAsync("visit", s => s.Links.Any(l => l.Context.TraceId == visitors));
        visit.TraceId.Should().NotBe(visitors, "strangers do not decide what is traced here");
        visit.GetTagItem("http.response.status_code").Should().Be(200);
        foreach (var step in (string[])["locate", "carrier", "forward"])
        {
            (await heard.OneAsync(step, s => s.TraceId == visit.TraceId)).ParentSpanId.Should().Be(visit.SpanId);
        }
    }

    [Fact]
    [Trait("Guarantee", "G11")]
    public void Where_nobody_listens_nothing_is_made()
    {
        Make();
        var before = GC.GetAllocatedBytesForCurrentThread();

        Make();

        (GC.GetAllocatedBytesForCurrentThread() - before).Should().Be(0);

        static void Make()
        {
            var span = Spans.Begin("message", ActivityKind.Producer);
            span.Step("gates").End();
            Spans.Continue("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "deliver").End();
            span.End();
            if (span.Remembered() is not null)
            {
                throw new InvalidOperationException("Somebody listens.");
            }
        }
    }

    private sealed class HeardSpans : IDisposable
    {
        private readonly List<Activity> _ended = [];
        private readonly SemaphoreSlim _more = new(0);
        private readonly ActivityListener _listener;

        public HeardSpans()
        {
            _listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name == Spans.Name,
                Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = span =>
                {
                    lock (_ended)
                    {
                        _ended.Add(span);
                    }

                    _more.Release();
                },
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public IReadOnlyList<Activity> Of(ActivityTraceId trace)
        {
            lock (_ended)
            {
                return _ended.FindAll(s => s.TraceId == trace);
            }
        }

        /// <summary>Every other test of the process is heard as well: each span is looked at once, and there is one time for all of them.</summary>
        public Task<Activity> OneAsync(string name, Func<Activity, bool> which) => FindAsync(name, which).Soon();

        private async Task<Activity> FindAsync(string name, Func<Activity, bool> which)
        {
            using var giveUp = new CancellationTokenSource(TestTimeout.Long);
            for (var next = 0; ; await _more.WaitAsync(giveUp.Token))
            {
                lock (_ended)
                {
                    for (; next < _ended.Count; next++)
                    {
                        if (_ended[next].OperationName == name && which(_ended[next]))
                        {
                            return _ended[next];
                        }
                    }
                }
            }
        }

        public void Dispose() => _listener.Dispose();
    }
}
