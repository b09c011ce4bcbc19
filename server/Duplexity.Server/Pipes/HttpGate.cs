using System.Collections.Concurrent;
using System.Security.Claims;
using System.Text.Json;

namespace Duplexity.Server.Pipes;

/// <summary>
/// A gate of an operator in any language, asked by a signed POST. What it says is kept for as long as it says so, by client, token, target and operation: claims of another token may be others. Whatever is not
/// a readable answer in time throws, and so refuses. Thread-safe.
/// </summary>
internal sealed class HttpGate(string name, HttpGateOptions options, GateHttp http, TimeProvider time) : IGate
{
    /// <summary>Answers that are kept; where all of them still hold, further ones are not kept.</summary>
    private const int MostKept = 10_000;

    private static readonly TimeSpan LongestKept = TimeSpan.FromHours(1);

    /// <summary>How often it looks for what does not hold any more, where as much is kept as may be: a look at each.</summary>
    private static readonly TimeSpan PruneInterval = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<Key, (GateResult Result, DateTimeOffset Until)> _kept = new();
    private readonly Uri _address = new(options.Address!);
    private readonly byte[] _secret = GateHttp.KeyOf(options.Secret)!;
    private long _lastPrune;

    public ValueTask<GateResult> CheckAsync(GateContext context, CancellationToken ct)
    {
        var key = new Key(context.Client, context.Principal, context.Target, context.Operation);
        return context is { Answer: null, IsTrial: false } && _kept.TryGetValue(key, out var kept) && kept.Until > time.GetUtcNow() ? new(kept.Result) : AskAsync(context, key, ct);
    }

    private async ValueTask<GateResult> AskAsync(GateContext context, Key key, CancellationToken ct)
    {
        using var late = new CancellationTokenSource(options.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, late.Token);
        HttpGateAnswer answer;
        try
        {
            var body = JsonSerializer.SerializeToUtf8Bytes(HttpGateQuestion.Of(context), HttpGateQuestion.Json);
            answer = JsonSerializer.Deserialize<HttpGateAnswer>(await http.PostAsync(_address, _secret, body, time.GetUtcNow(), either.Token), HttpGateQuestion.Json) ?? new();
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested)
        {
            throw new TimeoutException($"The gate {name} did not answer within {options.Timeout.TotalSeconds:0.###} s.");
        }

        var result = ResultOf(answer, context);
        if (answer.CacheSeconds > 0 && !context.IsTrial && result is GateResult.Passed or GateResult.Refused)
        {
            Keep(key, result, TimeSpan.FromSeconds(Math.Min(answer.CacheSeconds.Value, LongestKept.TotalSeconds)));
        }

        return result;
    }

    private static GateResult ResultOf(HttpGateAnswer answer, GateContext context) => answer switch
    {
        { Result: "pass" } => GateResult.Pass,
        { Result: "refuse" } => GateResult.Refuse(answer.Reason ?? "The gate refuses."),
        { Result: "change", Message: { } message } when context.Message is { } before => GateResult.Change(message.Over(before)),
        { Result: "redirect", To: { Length: > 0 } to } => GateResult.Redirect([.. to.Select(a => Address.Parse(a))]),
        { Result: "hold", Challenge: { Kind: { } kind } challenge } => GateResult.Hold(kind, challenge.Sentence ?? "The gate asks a question.", challenge.Data),
        _ => throw new JsonException($"\"{VisibleText.Of(answer.Result ?? "", 64)}\" is no result, or something belongs to it that is missing."),
    };

    private void Keep(Key key, GateResult result, TimeSpan duration)
    {
        var now = time.GetUtcNow();
        var last = Volatile.Read(ref _lastPrune);
        if (_kept.Count >= MostKept && (last == 0 || time.GetElapsedTime(last) >= PruneInterval) && Interlocked.CompareExchange(ref _lastPrune, time.GetTimestamp(), last) == last)
        {
            foreach (var (old, (_, until)) in _kept)
            {
                if (until <= now)
                {
                    _kept.TryRemove(old, out _);
                }
            }
        }

        if (_kept.Count < MostKept)
        {
            _kept[key] = (result, now + duration);
        }
    }

    private readonly record struct Key(string Client, ClaimsPrincipal Token, Address Target, string Operation);
}
