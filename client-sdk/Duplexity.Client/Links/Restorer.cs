using Duplexity.Carriers;
using Duplexity.Locking;
using Duplexity.Protocol;
using Duplexity.Reading;
using Duplexity.Sending;
using Duplexity.Watching;

namespace Duplexity.Links;

/// <summary>
/// Opens what is missing, in the order of DESIGN's "Connecting": control, Discover, data at the address that Discover named, Open with the pipes, and their
/// registration as control tells it; without pipes or administration data alone. What is open already stays as it is. Used by one thread at a time.
/// </summary>
internal sealed partial class Restorer(Dialer dialer, Uri server, DuplexityConnectionOptions options, Listeners listeners, Outbox outbox, PipeDesk pipes, WatchDesk watches,
    ControlIdentities control)
{
    // The courtesy of leaving and the closing handshakes, together: a person waits for them at Ctrl+C.
    private static readonly TimeSpan Courtesy = TimeSpan.FromSeconds(2);

    // How much later than the refusal on data its reasons may come on control.
    private static readonly TimeSpan Overtaking = TimeSpan.FromSeconds(1);

    private ControlLink? _control;
    private DataLink? _data;
    private volatile bool _needsControl;

    // When pipes of an added client could not be registered, because it could not be asked for: a token's source that is away for a moment is back by then.
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(5);

    /// <summary>The connection's identities, set before the first link is opened.</summary>
    public Identities Identities { get; set; } = null!;

    /// <summary>Asks for another <see cref="RestoreAsync"/>, set before the first one.</summary>
    public Action Again { get; set; } = null!;

    /// <summary>Who answers what gates ask, set before the first link is opened.</summary>
    public Challenges? Challenges { get; set; }

    /// <summary>The connection's locks, set before the first link is opened.</summary>
    public LockDesk? Locks { get; set; }

    /// <summary>The connection's lockspaces, set before the first link is opened.</summary>
    public Lockspaces? Lockspaces { get; set; }

    public Slot<DataLink> Data { get; } = new(options.TimeProvider);

    public Slot<ControlLink> Control { get; } = new(options.TimeProvider);

    /// <summary>The primary client: the same for the whole life of the connection.</summary>
    public string? Client { get; private set; }

    public string SocketId { get; private set; } = "";

    /// <summary>From now on a control connection is part of what is restored.</summary>
    public bool NeedControl()
    {
        var isNew = !_needsControl;
        _needsControl = true;
        return isNew;
    }

    /// <summary>Completes with the end of whichever open link ends first.</summary>
    public Task<Task<LinkEnd>> Lost => Task.WhenAny(new Link?[] { _data, _control }.OfType<Link>().Select(l => l.Ended));

    /// <summary>Opens whatever is missing.</summary>
    public async Task RestoreAsync(CancellationToken ct)
    {
        using var timeout = new CancellationTokenSource(options.ConnectTimeout, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        DropIfEnded(ref _control, Control);
        DropIfEnded(ref _data, Data);
        var aside = SetAside();
        var isRestored = false;
        try
        {
            (Uri DataPlane, string Ticket)? discovery = null;
            if (_control is null && (_needsControl || pipes.Any))
            {
                _needsControl = true;
                (_control, discovery) = await OpenControlAsync(either.Token).ConfigureAwait(false);
            }

            if (_data is null)
            {
                discovery ??= _control is null ? null : await _control.DiscoverAsync(dialer.Session, either.Token).ConfigureAwait(false);
                _data = await OpenDataAsync(discovery, either.Token).ConfigureAwait(false);
            }

            if (_control is not null)
            {
                if (Control.Current != _control)
                {
                    await Identities.RestoreAsync(_control, either.Token).ConfigureAwait(false);
                }

                var isWhole = await pipes.RegisterMissingAsync(_control, (link, client) => control.EnsureAsync(link, client), either.Token).ConfigureAwait(false);
                Control.Fill(_control);
                if (!isWhole)
                {
                    _ = Task.Delay(Later, options.TimeProvider, CancellationToken.None).ContinueWith(_ => Again(), TaskScheduler.Default);
                }
            }

            isRestored = true;
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw new TimeoutException();
        }
        finally
        {
            TakeBack(aside);
            if (!isRestored)
            {
                dialer.Turn();
            }
        }

        Leave();
    }

    /// <summary>Why nothing could be opened, for those who wait in vain.</summary>
    public void Failed(DuplexityError cause)
    {
        Data.LastFailure = cause;
        Control.LastFailure = cause;
        if (_control is { Ended.IsCompleted: true } control)
        {
            Control.Clear(control);
        }

        if (_data is { Ended.IsCompleted: true } data)
        {
            Data.Clear(data);
        }
    }

    /// <summary>The courtesy before leaving, within 2 s.</summary>
    public async Task LeaveAsync()
    {
        var leaving = GoodbyeAsync();
        try
        {
            await leaving.WaitAsync(Courtesy, options.TimeProvider).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Everything also works without the courtesy; the server notices.
        }
    }

    /// <summary>Closes whatever is open, without waiting.</summary>
    public void Drop()
    {
        Drop(ref _control, Control);
        Drop(ref _data, Data);
        Leave();
    }

    /// <summary>The connection is over: whoever waits for a link waits in vain.</summary>
    public void Close(DuplexityException reason)
    {
        Data.Close(reason);
        Control.Close(reason);
    }

    private async Task GoodbyeAsync()
    {
        Leave();
        var (control, data) = (_control, _data);
        if (control is { Ended.IsCompleted: false })
        {
            try
            {
                foreach (var client in (string[])[.. control.Joined.Keys, control.Client])
                {
                    await control.Hub.Disconnect(new DisconnectRequest { As = client }).ConfigureAwait(false);
                }
            }
            catch (Exception)
            {
                // A courtesy that fails is none: what it would have done, the end of the connection does a little later.
            }

            await control.DisposeAsync().ConfigureAwait(false);
        }

        if (data is not null)
        {
            await data.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task<(ControlLink Link, (Uri DataPlane, string Ticket) Discovery)> OpenControlAsync(CancellationToken ct)
    {
        var link = Watched(new ControlLink(dialer.Create(dialer.Hub("control")), server, pipes, options.TimeProvider) { Identities = Identities, Watches = watches });
        try
        {
            await link.StartAsync(ct).ConfigureAwait(false);
            CheckClient(link);
            return (link, await link.DiscoverAsync(dialer.Session, ct).ConfigureAwait(false));
        }
        catch
        {
            Discard(link);
            throw;
        }
    }

    private async Task<DataLink> OpenDataAsync((Uri DataPlane, string Ticket)? discovery, CancellationToken ct)
    {
        var link = Watched(new DataLink(dialer.Create(discovery?.DataPlane ?? dialer.Hub("data")), listeners, options.TimeProvider));
        try
        {
            await link.StartAsync(ct).ConfigureAwait(false);
            CheckClient(link);
            var missing = _control is null ? [] : pipes.Missing(_control).Where(p => p.As is null).ToArray();
            _control?.ExpectPipes();
            var answer = await link.Hub.Open(new OpenRequest
            {
                As = link.Client,
                Protocol = Wire.Version,
                Session = dialer.Session,
                Ticket = discovery?.Ticket,
                Pipes = missing.Length > 0 ? [.. missing.Select(p => p.ToRegistration())] : null,
                Direct = options.DirectFromAnyone ? DirectRule.Anyone : null,
            }).WaitAsync(ct).ConfigureAwait(false);
            if (missing.Length > 0 && _control is { } control)
            {
                // The result comes on control (2.30), also when Open was refused because of a pipe; a refusal for another reason has none.
                var registered = control.Registered;
                if (answer.Error is null || await Task.WhenAny(registered, Task.Delay(Overtaking, options.TimeProvider, ct)).ConfigureAwait(false) == registered)
                {
                    pipes.Apply(missing, await registered.WaitAsync(ct).ConfigureAwait(false), control);
                }
            }

            answer.OrThrow();
            SocketId = link.SocketId;
            link.Identities = Identities;
            (link.Challenges, link.Outbox, link.Locks, link.Lockspaces) = (Challenges, outbox, Locks, Lockspaces);
            await Identities.RestoreAsync(link, link.BeganAs, ct).ConfigureAwait(false);
            await listeners.AttachAsync(link).WaitAsync(ct).ConfigureAwait(false);
            outbox.Resume(link);
            Locks?.Resume(link);
            Data.Fill(link);
            return link;
        }
        catch
        {
            Discard(link);
            throw;
        }
    }

    private void CheckClient(Link link)
    {
        Client ??= link.Client;
        if (link.Client != Client)
        {
            throw Link.BrokenConnection("the access token is another client's than before.");
        }
    }

    /// <exception cref="DuplexityException">It ended for good: the connection stays away.</exception>
    private static void DropIfEnded<T>(ref T? link, Slot<T> slot)
        where T : Link
    {
        if (link is not { Ended: { IsCompletedSuccessfully: true } ended })
        {
            return;
        }

        Drop(ref link, slot);
        if (ended.Result.IsFinal)
        {
            throw new DuplexityException(ended.Result.Error);
        }
    }

    private static void Drop<T>(ref T? link, Slot<T> slot)
        where T : Link
    {
        if (link is not null)
        {
            slot.Clear(link);
            Discard(link);
            link = null;
        }
    }

    // In the background: a closing handshake with a dead server must not hold up the next attempt.
    private static void Discard(Link link) => _ = link.DisposeAsync().AsTask();
}
