using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity.Reading;

/// <content>Who comes and goes in the channel, and being made to leave it.</content>
internal sealed partial class Listener
{
    private readonly List<PresenceWatch> _watches = [];
    private bool _isPresenceTold;

    /// <summary>Tells <paramref name="watch"/> from now on; the channel is joined again where the server has not been asked for that yet.</summary>
    public IDisposable Watch(PresenceWatch watch)
    {
        bool isOver;
        lock (_gate)
        {
            isOver = _isOver;
            if (!isOver)
            {
                _watches.Add(watch);
                if (_isPresenceTold)
                {
                    watch.Joined();
                }
                else
                {
                    BeginJoinUnsynchronized();
                }
            }
        }

        if (isOver)
        {
            watch.End(null);
        }

        return new Undo(() =>
        {
            lock (_gate)
            {
                _watches.Remove(watch);
            }
        });
    }

    public void Tell(DataLink link, PresenceChangedEvent told)
    {
        lock (_gate)
        {
            if (_link == link)
            {
                _watches.ForEach(w => w.Tell(told));
            }
        }
    }

    /// <summary>The server ended the subscription of the client that listens.</summary>
    public void Leave(DataLink link, LeftEvent left)
    {
        lock (_gate)
        {
            if (_link != link || left.Client != (_options.As ?? link.Client))
            {
                return;
            }
        }

        _context.Refused(this, new DuplexityException(DuplexityError.Of(Errors.UnknownDestination, VisibleText.Of(left.Reason, VisibleText.LogLength))));
    }

    private bool WantsPresenceUnsynchronized => _options.Presence || _watches.Count > 0;

    private void PresenceJoinedUnsynchronized(JoinRequest request, JoinResponse answer)
    {
        if (request.Presence is null)
        {
            _isPresenceTold = false;
            return;
        }

        _isPresenceTold = answer.Presence == true;
        foreach (var watch in _watches)
        {
            if (_isPresenceTold)
            {
                watch.Joined();
            }
            else
            {
                watch.End(new DuplexityException(DuplexityError.Of(Errors.UnknownDestination, $"{Address} does not tell who comes and goes, or not to this client.")));
            }
        }
    }

    private void EndWatchesUnsynchronized(DuplexityException? fault)
    {
        _watches.ForEach(w => w.End(fault));
        _watches.Clear();
    }
}
