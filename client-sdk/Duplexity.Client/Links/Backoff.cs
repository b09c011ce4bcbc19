namespace Duplexity.Links;

/// <summary>Capped exponential back-off with full jitter: each pause is drawn between nothing and the present bound, so that a thousand clients of a dead node do not come back at once.</summary>
internal sealed class Backoff(TimeSpan first, TimeSpan cap, Func<double>? draw = null)
{
    private readonly Func<double> _draw = draw ?? Random.Shared.NextDouble;
    private int _attempt;

    public TimeSpan Next()
    {
        // 2^30 times any pause is beyond every cap; without the bound the power would overflow in a night of attempts.
        var bound = Math.Min(first.TotalMilliseconds * Math.Pow(2, Math.Min(_attempt++, 30)), cap.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(bound * _draw());
    }

    public void Reset() => _attempt = 0;
}
