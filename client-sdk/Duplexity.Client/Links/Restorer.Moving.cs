using Duplexity.Protocol;

namespace Duplexity.Links;

/// <content>Links whose node is being emptied: others are opened first, and then these are left. Calls, sends and deliveries go on here until then.</content>
internal sealed partial class Restorer
{
    // More than any node asks for; a number that makes no sense is no reason to stay.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    private readonly List<Link> _leaving = [];

    /// <summary>Whether everything that is wanted is open, be it on a node that is being emptied.</summary>
    public bool IsOpen => Data.Current is { Ended.IsCompleted: false } && (!_needsControl || Control.Current is { Ended.IsCompleted: false });

    private T Watched<T>(T link)
        where T : Link
    {
        link.Told += draining => _ = Task.Delay(Wait(draining), options.TimeProvider).ContinueWith(_ => Again(), TaskScheduler.Default);
        return link;
    }

    private static TimeSpan Wait(DrainingEvent draining) => TimeSpan.FromMilliseconds(Math.Clamp(draining.RetryAfterMs, 0, LongestWait.TotalMilliseconds));

    /// <summary>Takes the links that are to be left out of the way of those that replace them. A session that moves has both of its links at its new node.</summary>
    private (ControlLink? Control, DataLink? Data) SetAside()
    {
        if (_control?.Leaving is { } draining)
        {
            _data?.Leave(draining);
        }

        var aside = (Control: _control?.Leaving is null ? null : _control, Data: _data?.Leaving is null ? null : _data);
        _control = aside.Control is null ? _control : null;
        _data = aside.Data is null ? _data : null;
        if ((aside.Control?.Leaving ?? aside.Data?.Leaving) is { } to)
        {
            dialer.MoveTo(to.Uri);
        }

        return aside;
    }

    /// <summary>What could not be replaced is still what there is; what was replaced is left when all is restored.</summary>
    private void TakeBack((ControlLink? Control, DataLink? Data) aside)
    {
        if (_control is null)
        {
            _control = aside.Control;
        }
        else if (aside.Control is not null)
        {
            _leaving.Add(aside.Control);
        }

        if (_data is null)
        {
            _data = aside.Data;
        }
        else if (aside.Data is not null)
        {
            _leaving.Add(aside.Data);
        }
    }

    /// <summary>Leaves what was replaced: without a courtesy, for the session goes on.</summary>
    private void Leave()
    {
        foreach (var link in _leaving)
        {
            Discard(link);
        }

        _leaving.Clear();
    }

    /// <summary>Once the server was told: visitors of shared names are served to the end.</summary>
    public Task FinishAsync() => pipes.FinishAsync(options.TimeProvider);
}
