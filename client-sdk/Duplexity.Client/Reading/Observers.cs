using Duplexity.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Duplexity.Reading;

/// <summary>Who is told of a subscription's gaps and faults. Thread-safe; an observer that throws is logged and harms nobody.</summary>
internal sealed class Observers(ILogger logger)
{
    private readonly Lock _gate = new();
    private Action<Gap>? _onGap;
    private Action<Message, Exception>? _onFault;
    private Gap? _untold;

    public IDisposable AddGap(Action<Gap> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        Gap? untold;
        lock (_gate)
        {
            _onGap += handler;
            untold = _untold;
            _untold = null;
        }

        if (untold is not null)
        {
            Guard("OnGap", () => handler(untold));
        }

        return new Undo(() =>
        {
            lock (_gate)
            {
                _onGap -= handler;
            }
        });
    }

    public IDisposable AddFault(Action<Message, Exception> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        lock (_gate)
        {
            _onFault += handler;
        }

        return new Undo(() =>
        {
            lock (_gate)
            {
                _onFault -= handler;
            }
        });
    }

    public void Gap(Gap gap)
    {
        Log.Gap(logger, gap.Channel, gap.From, gap.To);
        Action<Gap>? handlers;
        lock (_gate)
        {
            handlers = _onGap;
            if (handlers is null)
            {
                // A join with Since answers before anybody can have a handler on its room.
                _untold = gap with { From = _untold?.From ?? gap.From };
            }
        }

        if (handlers is not null)
        {
            Guard("OnGap", () => handlers(gap));
        }
    }

    public void Fault(Message message, Exception exception)
    {
        Log.MessageFault(logger, message.Channel, exception);
        Action<Message, Exception>? handlers;
        lock (_gate)
        {
            handlers = _onFault;
        }

        if (handlers is not null)
        {
            Guard("OnFault", () => handlers(message, exception));
        }
    }

    /// <summary>Calls what the application gave; one that throws is logged.</summary>
    public void Guard(string name, Action call)
    {
        try
        {
            call();
        }
        catch (Exception e)
        {
            Log.HandlerThrew(logger, name, e);
        }
    }
}

/// <summary>Takes something back, once.</summary>
internal sealed class Undo(Action undo) : IDisposable
{
    private Action? _undo = undo;

    public void Dispose() => Interlocked.Exchange(ref _undo, null)?.Invoke();
}
