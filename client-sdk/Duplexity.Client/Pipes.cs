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

/// <summary>The public pipes of this connection.</summary>
public sealed class Pipes
{
    internal Pipes()
    {
    }

    /// <summary>Declares a pipe before <see cref="DuplexityConnection.ConnectAsync"/>, which then registers all that were declared, or none, and returns when they serve.</summary>
    /// <exception cref="FormatException">The resource cannot be read; the message says why.</exception>
    /// <exception cref="InvalidOperationException">The connection was opened already; use <see cref="OpenAsync"/>.</exception>
    public Pipe Declare(string? name, string resource, PipeOptions? options = null) => throw new NotImplementedException();

    /// <summary>Opens a pipe: visitors of <paramref name="name"/> reach <paramref name="resource"/> when this returns.</summary>
    /// <param name="name">A label under the server's domain (<c>cat1</c>), a whole hostname, <c>:PORT</c>, <c>:</c> for any free port; null: one is made up.</param>
    /// <param name="resource">Such as <c>3000</c>, <c>http://localhost:9090</c>, <c>tcp://localhost:22</c>, <c>unix:/run/app.sock</c>. Nothing else is ever dialled.</param>
    /// <param name="options">See <see cref="PipeOptions"/>.</param>
    /// <param name="ct">Gives up waiting; a pipe that was registered meanwhile is removed.</param>
    /// <exception cref="FormatException">The resource cannot be read; the message says why.</exception>
    /// <exception cref="DuplexityException">The pipe was refused, such as <see cref="Errors.NameTaken"/>.</exception>
    public Task<Pipe> OpenAsync(string? name, string resource, PipeOptions? options = null, CancellationToken ct = default) => throw new NotImplementedException();

    /// <summary>All public pipes of the client, those of its other programs included.</summary>
    /// <exception cref="DuplexityException">It was refused.</exception>
    public Task<IReadOnlyList<PipeInfo>> ListAsync(CancellationToken ct = default) => throw new NotImplementedException();
}
