using System.Threading.Channels;
using Duplexity.Carriers;
using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity;

/// <summary>
/// A public pipe of this connection: its visitors reach one local resource through carriers that this program dials. It is given back after each reconnect, and
/// removed when disposed. Thread-safe.
/// </summary>
public sealed class Pipe : IAsyncDisposable
{
    /// <summary>Exchanges that wait for a reader; further ones are counted: 1,024, some ten seconds of a busy server.</summary>
    private const int ExchangeBuffer = 1024;

    private readonly PipeDesk _desk;
    private readonly PipeOptions _options;
    private readonly string? _requested;
    private readonly TaskCompletionSource<DuplexityError?> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<Exchange> _exchanges = Channel.CreateBounded<Exchange>(ExchangeBuffer);
    private string? _name;
    private Uri? _url;
    private int _leftOut;

    internal Pipe(PipeDesk desk, string? name, Resource resource, PipeOptions options)
    {
        _desk = desk;
        _requested = name;
        _options = options;
        Target = resource;
    }

    /// <summary>The whole hostname, or <c>:PORT</c>.</summary>
    /// <exception cref="InvalidOperationException">The pipe is not open yet: it was declared, and the connection was never ready.</exception>
    public string Name => _name ?? throw NotOpen();

    /// <summary>What visitors open.</summary>
    /// <exception cref="InvalidOperationException">The pipe is not open yet: it was declared, and the connection was never ready.</exception>
    public Uri Url => _url ?? throw NotOpen();

    /// <summary>What is served, in canonical form, such as <c>http://localhost:3000</c>.</summary>
    public string Resource => Target.ToString();

    /// <summary>Completes when the pipe is over: with null if it or the connection was disposed, else with why: it was closed from elsewhere (521), its client has left the connection, or it was not given back after a reconnect. Never faults.</summary>
    public Task<DuplexityError?> Closed => _closed.Task;

    /// <summary>What visitors do, live; ends with the pipe. For one reader; what it is too slow for is counted in <see cref="Exchange.LeftOut"/>.</summary>
    /// <exception cref="InvalidOperationException">The pipe was opened without <see cref="PipeOptions.Exchanges"/>.</exception>
    public IAsyncEnumerable<Exchange> Exchanges =>
        _options.Exchanges ? _exchanges.Reader.ReadAllAsync() : throw new InvalidOperationException("Open the pipe with PipeOptions.Exchanges to be told of them.");

    internal Resource Target { get; }

    /// <summary>The client whose pipe it is; null: the connection's own.</summary>
    internal string? As => _options.As;

    /// <summary>Under which generation it is registered; 0: not yet.</summary>
    internal long Generation { get; private set; }

    /// <summary>Over which control connection it was registered last.</summary>
    internal ControlLink? RegisteredOn { get; private set; }

    /// <summary>Carriers that run; guarded by the desk.</summary>
    internal int Carriers { get; set; }

    internal CancellationTokenSource Stop { get; } = new();

    internal string Shown => VisibleText.Of(_name ?? _requested ?? "(any name)", VisibleText.LogLength);

    /// <summary>Removes the pipe: its visitors are cut off, and the name is free when this returns, as far as the server can be reached within <see cref="DuplexityConnectionOptions.SendTimeout"/>. Never throws.</summary>
    public async ValueTask DisposeAsync() => await _desk.RemoveAsync(this).ConfigureAwait(false);

    /// <summary>Makes a link by which whoever has it visits the pipe; see <see cref="Pipes.CreateLinkAsync"/>.</summary>
    /// <param name="link">For how long and for what; null: an hour, for everything.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="InvalidOperationException">The pipe is not open yet.</exception>
    /// <exception cref="DuplexityException">The pipe takes no links, or there was no answer in time.</exception>
    public Task<VisitorLink> CreateLinkAsync(VisitOptions? link = null, CancellationToken ct = default) => _desk.Linking(this, link, ct);

    // Once it has a name it keeps it, also when the first one was made up.
    internal PipeRegistration ToRegistration() => _options.ToRegistration(_name ?? _requested, Resource);

    /// <exception cref="DuplexityException">The answer makes no sense.</exception>
    internal void Registered(PipeResult result, long generation, ControlLink link)
    {
        if (result.Name is null || !Uri.TryCreate(result.Url, UriKind.Absolute, out var url))
        {
            throw Link.BrokenConnection("a registered pipe has no name or no address.");
        }

        _name = result.Name;
        _url = url;
        Generation = generation;
        RegisteredOn = link;
    }

    internal void Tell(ExchangeInfo info, int leftOut)
    {
        var total = Interlocked.Exchange(ref _leftOut, 0) + leftOut;
        var exchange = new Exchange(
            DateTimeOffset.FromUnixTimeMilliseconds(info.At), info.Method, info.Target, info.Status, TimeSpan.FromMilliseconds(info.DurationMs), total);
        if (!_exchanges.Writer.TryWrite(exchange))
        {
            Interlocked.Add(ref _leftOut, total + 1);
        }
    }

    internal void End(DuplexityError? reason)
    {
        if (_closed.TrySetResult(reason))
        {
            Stop.Cancel();
            _exchanges.Writer.TryComplete();
        }
    }

    private static InvalidOperationException NotOpen() => new("The pipe is not open yet; ConnectAsync opens what was declared.");
}
