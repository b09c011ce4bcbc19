using Duplexity.Links;
using Duplexity.Protocol;
using Duplexity.Reading;
using Duplexity.Sending;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Client;

/// <summary>The line of sends: numbers, order, repetition, and what is said when time is up (G4).</summary>
public sealed class OutboxTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Outbox _outbox;

    public OutboxTests() => _outbox = new Outbox("session", new DuplexityConnectionOptions { TimeProvider = _time });

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task What_was_unanswered_when_the_link_was_lost_goes_out_again_under_its_numbers_before_what_is_newer()
    {
        var (first, second) = (new Hub(), new Hub());
        _outbox.Resume(first.Link(_time));
        var a = _outbox.SendAsync(Message("a"), default);
        var b = _outbox.SendAsync(Message("b"), default);
        first.Fail(1, new OperationCanceledException("the connection went"));
        first.Fail(0, new OperationCanceledException("the connection went"));
        var c = _outbox.SendAsync(Message("c"), default);

        _outbox.Resume(second.Link(_time));
        second.AnswerAll();

        await Task.WhenAll(a, b, c).Soon();
        first.Requests.Select(r => (r.Text, r.Session, r.Sequence)).Should().Equal(("a", "session", 1), ("b", "session", 2));
        second.Requests.Select(r => (r.Text, r.Session, r.Sequence)).Should().Equal(("a", "session", 1), ("b", "session", 2), ("c", "session", 3));
    }

    [Fact]
    public async Task A_send_that_meets_a_closing_connection_is_sent_again_on_the_next()
    {
        var (first, second) = (new Hub(), new Hub());
        _outbox.Resume(first.Link(_time));
        var a = _outbox.SendAsync(Message("a"), default);
        first.Answer(0, new SendResponse { Error = DuplexityError.Of(Errors.ShuttingDown, "This connection is being closed.") });
        var b = _outbox.SendAsync(Message("b"), default);

        _outbox.Resume(second.Link(_time));
        second.AnswerAll();

        await Task.WhenAll(a, b).Soon();
        first.Requests.Select(r => r.Text).Should().Equal("a");
        second.Requests.Select(r => (r.Text, r.Sequence)).Should().Equal(("a", 1), ("b", 2));
    }

    [Fact]
    public async Task Not_now_is_tried_again_after_a_pause_and_what_is_newer_waits_behind_it()
    {
        var hub = new Hub();
        _outbox.Resume(hub.Link(_time));
        var a = _outbox.SendAsync(Message("a"), default);
        hub.Answer(0, new SendResponse { Error = DuplexityError.Of(Errors.Unavailable, "the engine is away") });
        var b = _outbox.SendAsync(Message("b"), default);

        hub.Requests.Should().ContainSingle();
        _time.Advance(TimeSpan.FromSeconds(2));
        await hub.Sent(3).Soon();
        hub.AnswerAll();

        await Task.WhenAll(a, b).Soon();
        hub.Requests.Select(r => r.Text).Should().Equal("a", "a", "b");
    }

    [Fact]
    public async Task Time_up_says_whether_the_message_may_have_been_stored()
    {
        var never = _outbox.SendAsync(Message("never on the wire"), default);
        _time.Advance(TimeSpan.FromSeconds(11));
        (await never.Invoking(n => n.Soon()).Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(Errors.Unavailable.Code);

        _outbox.Resume(new Hub().Link(_time));
        var unanswered = _outbox.SendAsync(Message("on the wire"), default);
        _time.Advance(TimeSpan.FromSeconds(11));
        (await unanswered.Invoking(u => u.Soon()).Should().ThrowAsync<DuplexityException>()).Which.Code.Should().Be(Errors.OutcomeUnknown.Code);
    }

    [Fact]
    public async Task A_refusal_is_the_answer_and_is_not_repeated()
    {
        var hub = new Hub();
        _outbox.Resume(hub.Link(_time));
        var send = _outbox.SendAsync(Message("a"), default);
        hub.Answer(0, new SendResponse { Error = DuplexityError.Of(Errors.UnknownDestination, "no") });

        (await send.Soon()).Error!.Code.Should().Be(Errors.UnknownDestination.Code);
        hub.Requests.Should().ContainSingle();
    }

    [Fact]
    public void No_more_are_on_the_wire_than_the_server_keeps_receipts_for_and_the_line_has_an_end()
    {
        var hub = new Hub();
        _outbox.Resume(hub.Link(_time));
        var sends = Enumerable.Range(0, Outbox.Window + Outbox.Capacity).Select(i => _outbox.SendAsync(Message($"{i}"), default)).ToArray();

        var refused = _outbox.SendAsync(Message("too many"), default);

        hub.Requests.Should().HaveCount(Outbox.Window);
        sends.Should().OnlyContain(s => !s.IsCompleted);
        refused.Exception!.InnerException.Should().BeOfType<DuplexityException>().Which.Limit.Should().Be("send_queue");
    }

    [Fact]
    public void Each_acting_client_has_its_own_numbers_and_an_own_key_needs_none()
    {
        var hub = new Hub();
        _outbox.Resume(hub.Link(_time));

        _ = _outbox.SendAsync(Message("a"), default);
        _ = _outbox.SendAsync(Message("b") with { As = "amy" }, default);
        _ = _outbox.SendAsync(Message("c") with { IdempotencyKey = "order-7" }, default);
        _ = _outbox.SendAsync(Message("d"), default);

        hub.Requests.Select(r => r.Sequence).Should().Equal(1, 1, null, 2);
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task What_was_put_back_and_what_was_on_the_wire_when_the_link_was_lost_go_out_again_in_their_order()
    {
        var (first, second) = (new Hub(), new Hub());
        _outbox.Resume(first.Link(_time));
        var sends = new[] { "a", "b", "c" }.Select(text => _outbox.SendAsync(Message(text), default)).ToArray();
        first.Answer(0, new SendResponse { Error = DuplexityError.Of(Errors.Unavailable, "not now") });

        _outbox.Resume(second.Link(_time));
        second.AnswerAll();

        await Task.WhenAll(sends).Soon();
        second.Requests.Select(r => (r.Text, r.After)).Should().Equal(("a", null), ("b", 1), ("c", 2));
    }

    [Fact]
    [Trait("Guarantee", "G4")]
    public async Task Each_send_names_the_one_before_it_that_has_no_answer_yet()
    {
        var hub = new Hub();
        _outbox.Resume(hub.Link(_time));
        var a = _outbox.SendAsync(Message("a"), default);
        _ = _outbox.SendAsync(Message("b"), default);
        _ = _outbox.SendAsync(Message("of amy") with { As = "amy" }, default);
        _ = _outbox.SendAsync(Message("c"), default);
        hub.Answer(1, new SendResponse { Error = DuplexityError.Of(Errors.Unavailable, "not now") });
        _time.Advance(TimeSpan.FromSeconds(2));
        await hub.Sent(5).Soon();
        hub.Answer(0, new SendResponse { MessageId = "m", Level = "written", Destinations = [] });
        await a.Soon();
        _ = _outbox.SendAsync(Message("d"), default);
        await hub.Sent(6).Soon();

        hub.Requests.Select(r => (r.Text, r.After)).Should().Equal(("a", null), ("b", 1), ("of amy", null), ("c", 2), ("b", 1), ("d", 3));
    }

    private static SendRequest Message(string text) => new() { As = "ben", To = ["room:x"], Text = text };

    private sealed class Hub : IDataHub
    {
        private readonly List<TaskCompletionSource<SendResponse>> _answers = [];
        private readonly List<(int Count, TaskCompletionSource Reached)> _waits = [];
        private bool _answersAll;

        public List<SendRequest> Requests { get; } = [];

        public DataLink Link(TimeProvider time) => new(new HubConnectionBuilder().WithUrl("http://localhost").Build(), this, new Listeners(), time);

        public Task<SendResponse> Send(SendRequest request)
        {
            lock (_answers)
            {
                var answer = new TaskCompletionSource<SendResponse>();
                Requests.Add(request);
                _answers.Add(answer);
                if (_answersAll)
                {
                    answer.SetResult(Stored);
                }

                foreach (var wait in _waits.Where(w => Requests.Count >= w.Count))
                {
                    wait.Reached.TrySetResult();
                }

                return answer.Task;
            }
        }

        public Task Sent(int count)
        {
            lock (_answers)
            {
                var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _waits.Add((count, reached));
                if (Requests.Count >= count)
                {
                    reached.SetResult();
                }

                return reached.Task;
            }
        }

        public void Answer(int index, SendResponse answer) => AtOnce(() => _answers[index].SetResult(answer));

        public void Fail(int index, Exception exception) => AtOnce(() => _answers[index].SetException(exception));

        // Without the test's own context what waits for an answer goes on before this returns, so that the next line sees what it did.
        private static void AtOnce(Action complete)
        {
            var context = SynchronizationContext.Current;
            SynchronizationContext.SetSynchronizationContext(null);
            complete();
            SynchronizationContext.SetSynchronizationContext(context);
        }

        public void AnswerAll()
        {
            TaskCompletionSource<SendResponse>[] open;
            lock (_answers)
            {
                _answersAll = true;
                open = [.. _answers];
            }

            foreach (var answer in open)
            {
                answer.TrySetResult(Stored);
            }
        }

        public Task<SendResponse> Emit(EmitRequest request) => throw new NotSupportedException();

        public Task<OpenResponse> Open(OpenRequest request) => throw new NotSupportedException();

        public Task<JoinResponse> Join(JoinRequest request) => throw new NotSupportedException();

        public Task<Done> Leave(LeaveRequest request) => throw new NotSupportedException();

        public Task<HistoryResponse> History(HistoryRequest request) => throw new NotSupportedException();

        public Task<Done> AnswerChallenge(AnswerChallengeRequest request) => throw new NotSupportedException();

        public Task<PresenceResponse> Presence(PresenceRequest request) => throw new NotSupportedException();

        public Task<Done> Discard(DiscardRequest request) => throw new NotSupportedException();

        public Task<RenewClaimResponse> RenewClaim(RenewClaimRequest request) => throw new NotSupportedException();

        public Task<Done> ReturnClaim(ReturnClaimRequest request) => throw new NotSupportedException();

        public Task<DeadLettersResponse> DeadLetters(DeadLettersRequest request) => throw new NotSupportedException();

        public Task<ReplayResponse> Replay(ReplayRequest request) => throw new NotSupportedException();

        public Task<Done> Acknowledge(AcknowledgeRequest request) => throw new NotSupportedException();

        public Task<IdentityResponse> Authenticate(AuthenticateRequest request) => throw new NotSupportedException();

        public Task<IdentityResponse> Refresh(RefreshRequest request) => throw new NotSupportedException();

        public Task<Done> Drop(DropRequest request) => throw new NotSupportedException();

        public Task<Done> SetPrimary(SetPrimaryRequest request) => throw new NotSupportedException();

        public Task<AcquireLockResponse> AcquireLock(AcquireLockRequest request) => throw new NotSupportedException();

        public Task<RenewLockResponse> RenewLock(RenewLockRequest request) => throw new NotSupportedException();

        public Task<Done> ReleaseLock(ReleaseLockRequest request) => throw new NotSupportedException();

        private static SendResponse Stored => new() { MessageId = "m", Level = "written", Destinations = [] };
    }
}
