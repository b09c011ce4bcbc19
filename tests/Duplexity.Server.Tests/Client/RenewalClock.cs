using Microsoft.Extensions.Time.Testing;

namespace Duplexity.Server.Tests.Client;

/// <summary>Tells of every pause between two renewals, when it begins.</summary>
internal sealed class RenewalClock(TimeSpan pause) : FakeTimeProvider
{
    public SemaphoreSlim Renewed { get; } = new(0);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        if (dueTime == pause)
        {
            Renewed.Release();
        }

        return timer;
    }
}
