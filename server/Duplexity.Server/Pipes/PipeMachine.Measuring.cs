using System.Diagnostics;
using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <content>What is counted, timed and traced. Where nobody listens, the calls are the ones that they stand for.</content>
internal sealed partial class PipeMachine
{
    private static Activity? BeginMessage(List<Destination> destinations) =>
        Spans.Begin("message", ActivityKind.Producer)?.SetTag("duplexity.destinations", destinations.Count);

    private ValueTask<SendResponse> Measured(ValueTask<SendResponse> sending, Activity? span) => span is not null || _metrics.CountsSends ? MeasureAsync(sending, span) : sending;

    private async ValueTask<SendResponse> MeasureAsync(ValueTask<SendResponse> sending, Activity? span)
    {
        SendResponse? answer = null;
        try
        {
            answer = await sending;
            _metrics.Sent(answer.Error);
            span?.SetTag("messaging.message.id", answer.MessageId);
            return answer;
        }
        finally
        {
            span.End(answer?.Error);
        }
    }

    private ValueTask<DuplexityError?> GatesAsync(Transit transit) => transit.Span is null ? AskAsync(transit) : TraceGatesAsync(transit);

    private async ValueTask<DuplexityError?> TraceGatesAsync(Transit transit)
    {
        var gates = transit.Span.Step("gates");
        DuplexityError? refused = null;
        try
        {
            return refused = await AskAsync(transit);
        }
        finally
        {
            gates.End(refused);
        }
    }

    private ValueTask<AppendResult> LogAsync(Activity? span, AppendRequest request) => span is not null || _metrics.TimesAppends ? TimeAsync(span, request) : _engine.Log.AppendAsync(request);

    private async ValueTask<AppendResult> TimeAsync(Activity? span, AppendRequest request)
    {
        var step = span.Step("append");
        var began = _time.GetTimestamp();
        var outcome = "failed";
        try
        {
            var result = await _engine.Log.AppendAsync(request);
            outcome = result.Outcome switch
            {
                AppendOutcome.Stored => "stored",
                AppendOutcome.Repeated or AppendOutcome.AlreadyTaken => "repeated",
                _ => "refused",
            };
            return result;
        }
        finally
        {
            _metrics.Appended(outcome, _time.GetElapsedTime(began));
            step?.SetTag("outcome", outcome);
            step.End();
        }
    }
}
