using Duplexity.Carriers;
using Duplexity.Links;
using Duplexity.Protocol;
using Duplexity.Watching;

namespace Duplexity;

/// <summary>The public pipes of this connection, and what its clients may see and do of others. Thread-safe.</summary>
public sealed partial class Pipes
{
    private readonly DuplexityConnection _connection;
    private readonly PipeDesk _desk;
    private readonly ControlCalls _control;
    private readonly WatchDesk _watches;

    internal Pipes(DuplexityConnection connection, PipeDesk desk, ControlCalls control, WatchDesk watches)
    {
        _connection = connection;
        _desk = desk;
        _control = control;
        _watches = watches;
        Queues = new Queues(control);
        desk.Removing = RemoveAsync;
        desk.Changing = ChangeAsync;
        desk.Linking = (pipe, link, ct) => CreateLinkAsync(pipe.Name, link, new AskOptions { As = pipe.As ?? connection.Client }, ct);
    }

    /// <summary>The requests that the server keeps for this client's pipes while it is away.</summary>
    public Queues Queues { get; }

    /// <summary>
    /// Declares a pipe before <see cref="DuplexityConnection.ConnectAsync"/>, which then registers all that were declared, or none, and returns when they serve.
    /// </summary>
    /// <param name="name">As with <see cref="OpenAsync"/>.</param>
    /// <param name="resource">As with <see cref="OpenAsync"/>.</param>
    /// <param name="options">See <see cref="PipeOptions"/>.</param>
    /// <exception cref="ArgumentException">The options name a client: before it was opened, the connection holds its own alone.</exception>
    /// <exception cref="FormatException">The resource cannot be read; the message says why.</exception>
    /// <exception cref="InvalidOperationException">The connection was opened already; use <see cref="OpenAsync"/>.</exception>
    public Pipe Declare(string? name, string resource, PipeOptions? options = null)
    {
        if (_connection.WasReady)
        {
            throw new InvalidOperationException("The connection was opened already; use OpenAsync.");
        }

        if (options?.As is not null)
        {
            throw new ArgumentException("A declared pipe is the connection's own client's; open those of others once they are added.", nameof(options));
        }

        var pipe = new Pipe(_desk, name, Resource.Parse(resource), options ?? new PipeOptions(), _connection.Options.TimeProvider);
        _desk.Add(pipe);
        return pipe;
    }

    /// <summary>Opens a pipe: visitors of <paramref name="name"/> reach <paramref name="resource"/> when this returns.</summary>
    /// <param name="name">A label under the server's domain (<c>cat1</c>), a whole hostname, <c>:PORT</c>, <c>:</c> for any free port, a word for a private pipe; null: one is made up.</param>
    /// <param name="resource">Such as <c>3000</c>, <c>http://localhost:9090</c>, <c>tcp://localhost:22</c>, <c>unix:/run/app.sock</c>, and nothing else is ever dialled; or a channel such as <c>room:orders</c>, to which each request is sent as a message.</param>
    /// <param name="options">See <see cref="PipeOptions"/>.</param>
    /// <param name="ct">Gives up waiting; a pipe that is registered nevertheless is removed again.</param>
    /// <exception cref="FormatException">The resource cannot be read; the message says why.</exception>
    /// <exception cref="DuplexityException">The pipe was refused, such as with <see cref="Errors.NameTaken"/>; or there was no answer in time.</exception>
    public async Task<Pipe> OpenAsync(string? name, string resource, PipeOptions? options = null, CancellationToken ct = default)
    {
        options ??= new PipeOptions();
        var client = options.As ?? _connection.Identities.Primary;
        var pipe = new Pipe(_desk, name, Resource.Parse(resource), options with { As = client == _connection.Client ? null : client }, _connection.Options.TimeProvider);
        var opening = RegisterAsync(pipe, client, null);
        try
        {
            return await opening.WaitAsync(ct).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            _ = opening.ContinueWith(
                opened => opened.Result.DisposeAsync().AsTask(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            throw;
        }
    }

    /// <summary>All public pipes of the client, those of its other programs included.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<IReadOnlyList<PipeInfo>> ListAsync(AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, client) => hub.ListPipes(new ListPipesRequest { As = client, Client = options?.Client }), ct).ConfigureAwait(false)).Pipes ?? [];

    /// <summary>
    /// Watches the public pipes of the client: first those that are there (<see cref="PipeChangeKind.Present"/>), then what becomes of them, at most four times a second, each pipe's state as it is
    /// now. After a loss of the connection, or where 256 changes wait unread, it begins anew: what has gone meanwhile is <see cref="PipeChangeKind.Removed"/>, what is there is present again.
    /// </summary>
    /// <param name="options">As whom, and whose.</param>
    /// <param name="ct">Ends the watch; the server is told.</param>
    /// <exception cref="DuplexityException">It was refused, the client has left the connection, or the connection is over. When it is disposed, the watch just ends.</exception>
    public IAsyncEnumerable<PipeChange> WatchAsync(AskOptions? options = null, CancellationToken ct = default) => _watches.WatchAsync(WatchKinds.Pipes, _control, options, ct);

    /// <summary>
    /// Closes a public pipe, whichever of the client's programs serves it, or anyone's by the right to administer: its visitors are cut off when this returns. The program that served it is told why, and
    /// does not get the name again for five minutes.
    /// </summary>
    /// <param name="name">The hostname, the label under the server's domain, or <c>:PORT</c>.</param>
    /// <param name="reason">What that program is told.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">There is no such pipe that the client may close, or there was no answer in time.</exception>
    public Task CloseAsync(string name, string? reason = null, AskOptions? options = null, CancellationToken ct = default) =>
        _control.AskAsync(options, (hub, client) => hub.ClosePipe(new ClosePipeRequest { As = client, Name = name, Reason = reason }), ct);

    /// <summary>
    /// Opens a connection to the resource of a private pipe, by way of the server; whoever serves it dials the resource when this returns. It lasts until one side ends it, its client's tokens are revoked, or the pipe is
    /// over; a loss of this <see cref="DuplexityConnection"/> does not touch it.
    /// </summary>
    /// <param name="name"><c>db</c> for the client's own, <c>amy/db</c> for another's.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="DuplexityException"><see cref="Errors.UnknownDestination"/>: there is no such pipe that the client may dial. <see cref="ErrorKind.Unavailable"/>: its program, or the server, is not there now.</exception>
    public Task<DialledStream> DialAsync(string name, AskOptions? options = null, CancellationToken ct = default) => DialOf(options).OpenAsync(name, ct);

    /// <summary>Whether there is a private pipe of that name that the client may dial. Its program and its resource are not asked.</summary>
    /// <param name="name">As with <see cref="DialAsync"/>.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="DuplexityException">The token was refused, or the server cannot be reached.</exception>
    public Task<bool> MayDialAsync(string name, AskOptions? options = null, CancellationToken ct = default) => DialOf(options).MayAsync(name, ct);

    private Dial DialOf(AskOptions? options)
    {
        var client = _control.Acting(options);
        return new(_connection.Server, _connection.Identities.SourceOf(client) ?? throw new DuplexityException(DuplexityError.Of(Errors.IdentityNotHeld, $"This connection does not hold {VisibleText.Of(client, Address.MaxClientLength)}.")));
    }

    private async Task<Pipe> ChangeAsync(Pipe old, string resource, PipeOptions options)
    {
        var pipe = new Pipe(_desk, old.Name, Resource.Parse(resource), options with { As = old.As }, _connection.Options.TimeProvider);
        _desk.BeginChange(old);
        try
        {
            return await RegisterAsync(pipe, old.As ?? _connection.Client, old).ConfigureAwait(false);
        }
        finally
        {
            _desk.EndChange(old);
        }
    }

    private async Task<Pipe> RegisterAsync(Pipe pipe, string client, Pipe? inPlaceOf)
    {
        var (link, answer) = await _control.AskAsync(
            client, (hub, actAs) => hub.RegisterPipes(new RegisterPipesRequest { As = actAs, Pipes = [pipe.ToRegistration()] }), CancellationToken.None).ConfigureAwait(false);
        // What is refused takes nobody's place: Apply throws.
        var isReplaced = inPlaceOf is not null && answer.Error is null && _desk.Replace(inPlaceOf, pipe);
        if (inPlaceOf is null || (answer.Error is null && !isReplaced))
        {
            _desk.Add(pipe);
        }

        try
        {
            _desk.Apply([pipe], answer, link);
        }
        catch
        {
            await _desk.RemoveAsync(pipe).ConfigureAwait(false);
            throw;
        }

        if (inPlaceOf is not null && !isReplaced)
        {
            await _desk.RemoveAsync(pipe).ConfigureAwait(false);
            throw new DuplexityException(DuplexityError.Of(Errors.InvalidPipe, "The pipe was closed while it was being changed; it is not served."));
        }

        if (link.Ended.IsCompleted)
        {
            // The loop may have registered the others already, over the next link, before it could know of this one.
            _connection.Nudge();
        }

        return pipe;
    }

    private async Task RemoveAsync(Pipe pipe)
    {
        try
        {
            await _control.AskAsync(
                pipe.As ?? _connection.Client, (hub, client) => hub.RemovePipes(new RemovePipesRequest { As = client, Names = [pipe.Name] }), CancellationToken.None).ConfigureAwait(false);
        }
        catch (DuplexityException)
        {
            // The server is out of reach, or the connection over: the name falls with the session.
        }
    }
}
