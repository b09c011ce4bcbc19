using System.Net;
using System.Text;
using Duplexity.Protocol;
using Duplexity.Server.Api;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Api;

/// <summary>Gates of the application and requests without a socket: what a gate asks, nobody there can answer.</summary>
[Trait("Requirement", "1.19")]
public sealed class ApiQuestionTests(ApiQuestionTests.Door door) : IClassFixture<ApiQuestionTests.Door>
{
    private readonly ApiUnderTest _api = new(door.Node);

    [Fact]
    [Trait("Requirement", "1.21")]
    [Trait("Guarantee", "G11")]
    public async Task A_message_that_a_gate_asks_about_is_refused_with_the_question_and_goes_nowhere()
    {
        var one = await _api.PostAsync("messages", "amy", """{"to":"room:safe-1","text":"hi"}""");
        var many = await _api.PostAsync("messages", "amy", """{"to":["room:beside","room:safe-1"],"text":"hi"}""");
        var kept = await _api.GetAsync("channels/room:safe-1/messages", "guard");
        var beside = await _api.GetAsync("channels/room:beside/messages", "guard");

        foreach (var refused in (ApiAnswer[])[one, many])
        {
            (refused.Status, refused.Code, refused.Headers.RetryAfter).Should().Be((HttpStatusCode.Forbidden, 206, null));
            refused.Read<SendResponse>().Should().BeEquivalentTo(new { Level = (string?)null, Error = new { Gate = "safe" } });
            refused.Sentence.Should().Be("The gate asks first: Which key? Here is no socket that could answer; do it from one.");
        }

        kept.Read<HistoryResponse>().Messages.Should().BeEmpty();
        beside.Read<HistoryResponse>().Messages.Should().BeEmpty();
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    public async Task History_and_presence_that_a_gate_asks_about_are_refused_with_the_question()
    {
        foreach (var what in (string[])["messages", "presence"])
        {
            var refused = await _api.GetAsync($"channels/room:safe-2/{what}", "amy");
            (refused.Status, refused.Code).Should().Be((HttpStatusCode.Forbidden, 206));
            refused.Sentence.Should().Contain("Which key?");
            (await _api.GetAsync($"channels/room:safe-2/{what}", "guard")).Status.Should().Be(HttpStatusCode.OK);
        }
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task In_a_batch_only_the_one_that_a_gate_asks_about_is_refused_and_its_key_is_not_used_up()
    {
        const string Batch = """{"messages":[{"to":"room:b","text":"1"},{"to":"room:later","text":"2","idempotencyKey":"later"},{"to":"room:b","text":"3"}]}""";

        var first = (await _api.PostAsync("messages/batch", "amy", Batch)).Read<ApiBatchResponse>().Receipts!;
        door.IsOpen = true;
        var second = (await _api.PostAsync("messages/batch", "amy", Batch)).Read<ApiBatchResponse>().Receipts!;

        first.Select(r => (r.Level, r.Error?.Code)).Should().Equal(("accepted", null), (null, 206), ("accepted", null));
        second[1].Should().BeEquivalentTo(new { Level = "accepted", Error = (DuplexityError?)null });
    }

    [Fact]
    [Trait("Requirement", "1.21")]
    public async Task A_room_that_wants_a_fresh_sign_in_takes_a_request_whose_token_is_fresh()
    {
        var old = door.Node.Time.GetUtcNow().AddMinutes(-30).ToUnixTimeSeconds();
        var stale = await _api.SendAsync(
            HttpMethod.Post, "messages", door.Node.Token("amy", null, ("iat", old)), new StringContent("""{"to":"room:bank-1","text":"hi"}""", Encoding.UTF8, "application/json"));

        var fresh = await _api.PostAsync("messages", "amy", """{"to":"room:bank-1","text":"hi"}""");

        (stale.Status, stale.Code).Should().Be((HttpStatusCode.Forbidden, 206));
        fresh.Status.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    [Trait("Guarantee", "G1")]
    public async Task A_batch_keeps_its_order_where_a_gate_takes_longer_about_the_first()
    {
        // The gate lets the first one go only when it has been asked about the second.
        var batch = await _api.PostAsync("messages/batch", "amy", """{"messages":[{"to":"room:slow","text":"first"},{"to":"room:slow","text":"second"}]}""");

        batch.Read<ApiBatchResponse>().Receipts!.Select(r => r.Destinations!.Single().Position!.Offset).Should().Equal(1, 2);
        (await _api.GetAsync("channels/room:slow/messages", "amy")).Read<HistoryResponse>().Messages!.Select(m => m.Text).Should().Equal("first", "second");
    }

    /// <summary>A node with gates that ask, and one that takes its time.</summary>
    public sealed class Door : IAsyncLifetime
    {
        private readonly TaskCompletionSource _second = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TestNode Node { get; private set; } = null!;

        public bool IsOpen { get; set; }

        public async Task InitializeAsync() => Node = await TestNode.StartAsync(s =>
        {
            s.Settings["Duplexity:Rooms:bank-*:Reauthenticate"] = "00:15:00";
            s.Builder = builder => builder
                .AddGate(Step.Entry, "room:safe-*", c => new(c.Client == "guard" ? GateResult.Pass : GateResult.Hold(ChallengeKind.Key, "Which key?")), "safe")
                .AddGate(Step.Entry, "room:later", _ => new(IsOpen ? GateResult.Pass : GateResult.Hold(ChallengeKind.Key, "Which key?")), "later")
                .AddGate(Step.Entry, "room:slow", SlowAsync, "slow");
        });

        public Task DisposeAsync() => Node.DisposeAsync().AsTask();

        private async ValueTask<GateResult> SlowAsync(GateContext context)
        {
            if (context.Message?.Text == "second")
            {
                _second.SetResult();
            }
            else if (context.Message?.Text == "first")
            {
                await _second.Task;
            }

            return GateResult.Pass;
        }
    }
}
