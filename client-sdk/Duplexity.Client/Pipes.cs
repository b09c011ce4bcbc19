using Duplexity.Carriers;
using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity;

/// <summary>How a public pipe behaves.</summary>
public sealed record PipeOptions
{
    /// <summary>The Host header that the resource sees: <c>keep</c> (null, the default: the visitor's), <c>resource</c> (the resource's own), or any name.</summary>
    public string? HostHeader { get; init; }

    /// <summary>Whether <see cref="Pipe.Exchanges"/> tells of each visitor request.</summary>
    public bool Exchanges { get; init; }
}

/// <summary>The public pipes of this connection. Thread-safe.</summary>
public sealed class Pipes
{
    private readonly DuplexityConnection _connection;
    private readonly PipeDesk _desk;
    private readonly Calls<ControlLink> _control;

    internal Pipes(DuplexityConnection connection, PipeDesk desk, Calls<ControlLink> control)
    {
        _connection = connection;
        _desk = desk;
        _control = control;
        desk.Removing = RemoveAsync;
    }

    /// <summary>
    /// Declares a pipe before <see cref="DuplexityConnection.ConnectAsync"/>, which then registers all that were declared, or none, and returns when they serve.
    /// </summary>
    /// <param name="name">As with <see cref="OpenAsync"/>.</param>
    /// <param name="resource">As with <see cref="OpenAsync"/>.</param>
    /// <param name="options">See <see cref="PipeOptions"/>.</param>
    /// <exception cref="FormatException">The resource cannot be read; the message says why.</exception>
    /// <exception cref="InvalidOperationException">The connection was opened already; use <see cref="OpenAsync"/>.</exception>
    public Pipe Declare(string? name, string resource, PipeOptions? options = null)
    {
        if (_connection.WasReady)
        {
            throw new InvalidOperationException("The connection was opened already; use OpenAsync.");
        }

        var pipe = new Pipe(_desk, name, Resource.Parse(resource), options ?? new PipeOptions());
        _desk.Add(pipe);
        return pipe;
    }

    /// <summary>Opens a pipe: visitors of <paramref name="name"/> reach <paramref name="resource"/> when this returns.</summary>
    /// <param name="name">A label under the server's domain (<c>cat1</c>), a whole hostname, <c>:PORT</c>, <c>:</c> for any free port; null: one is made up.</param>
    /// <param name="resource">Such as <c>3000</c>, <c>http://localhost:9090</c>, <c>tcp://localhost:22</c>, <c>unix:/run/app.sock</c>. Nothing else is ever dialled.</param>
    /// <param name="options">See <see cref="PipeOptions"/>.</param>
    /// <param name="ct">Gives up waiting; a pipe that is registered nevertheless is removed again.</param>
    /// <exception cref="FormatException">The resource cannot be read; the message says why.</exception>
    /// <exception cref="DuplexityException">The pipe was refused, such as with <see cref="Errors.NameTaken"/>; or there was no answer in time.</exception>
    public async Task<Pipe> OpenAsync(string? name, string resource, PipeOptions? options = null, CancellationToken ct = default)
    {
        var pipe = new Pipe(_desk, name, Resource.Parse(resource), options ?? new PipeOptions());
        var opening = RegisterAsync(pipe);
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
    public async Task<IReadOnlyList<PipeInfo>> ListAsync(CancellationToken ct = default)
    {
        _connection.NeedControl();
        var (_, answer) = await _control.AskAsync(c => c.Hub.ListPipes(new ListPipesRequest { As = c.Client }), ct).ConfigureAwait(false);
        return answer.Pipes ?? [];
    }

    private async Task<Pipe> RegisterAsync(Pipe pipe)
    {
        _connection.NeedControl();
        var (link, answer) = await _control.AskAsync(
            c => c.Hub.RegisterPipes(new RegisterPipesRequest { As = c.Client, Pipes = [pipe.ToRegistration()] }), CancellationToken.None).ConfigureAwait(false);
        _desk.Add(pipe);
        try
        {
            _desk.Apply([pipe], answer, link);
        }
        catch
        {
            await _desk.RemoveAsync(pipe).ConfigureAwait(false);
            throw;
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
            await _control.AskAsync(c => c.Hub.RemovePipes(new RemovePipesRequest { As = c.Client, Names = [pipe.Name] }), CancellationToken.None).ConfigureAwait(false);
        }
        catch (DuplexityException)
        {
            // The server is out of reach, or the connection over: the name falls with the session.
        }
    }
}
