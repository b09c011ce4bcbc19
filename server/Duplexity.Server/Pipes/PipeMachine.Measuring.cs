using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <content>What is counted and timed. Where nobody listens, the calls are the ones that they stand for.</content>
internal sealed partial class PipeMachine
{
    private ValueTask<SendResponse> Counted(ValueTask<SendResponse> sending) => _metrics.CountsSends ? CountAsync(sending) : sending;

    private async ValueTask<SendResponse> CountAsync(ValueTask<SendResponse> sending)
    {
        var answer = await sending;
        _metrics.Sent(answer.Error);
        return answer;
    }

    private ValueTask<AppendResult> LogAsync(AppendRequest request) => _metrics.TimesAppends ? TimeAsync(request) : _engine.Log.AppendAsync(request);

    private async ValueTask<AppendResult> TimeAsync(AppendRequest request)
    {
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
        }
    }
}
