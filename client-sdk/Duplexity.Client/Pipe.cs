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
    private readonly Dictionary<string, Resource> _routes;
    private string? _name;
    private Uri? _url;
    private int _leftOut;

    /// <exception cref="FormatException">The resource of a route cannot be read.</exception>
    internal Pipe(PipeDesk desk, string? name, Resource resource, PipeOptions options, TimeProvider time)
    {
        _desk = desk;
        _requested = name;
        _options = options;
        Use = new ResourceUse(time);
        Target = resource with { TakesAnyCertificate = options.TakesAnyCertificate };
        _routes = options.Routes.ToDictionary(
            r => r.Path ?? "", r => Duplexity.Carriers.Resource.Parse(r.Resource ?? "") with { TakesAnyCertificate = options.TakesAnyCertificate }, StringComparer.Ordinal);
    }

    /// <summary>The whole hostname, <c>:PORT</c>, or <c>CLIENT/NAME</c> of a private pipe.</summary>
    /// <exception cref="InvalidOperationException">The pipe is not open yet: it was declared, and the connection was never ready.</exception>
    public string Name => _name ?? throw NotOpen();

    /// <summary>What visitors open; of a private pipe <c>duplexity:CLIENT/NAME</c>, which nothing opens.</summary>
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

    /// <summary>Connections to the resource that are open now, those included that are kept for the next visitor.</summary>
    public int Connections => Use.Connections;

    /// <summary>Why the resource could not be reached when a visitor last asked for it; null: it was reached, or nobody has asked yet.</summary>
    public ResourceFault? LastFault => Use.LastFault;

    internal Resource Target { get; }

    internal ResourceUse Use { get; }

    /// <summary>Whether another registration of the same name is under way: of an order that comes now nobody knows which of the two it is for. Guarded by the desk.</summary>
    internal bool IsChanging { get; set; }

    /// <summary>The client whose pipe it is; null: the connection's own.</summary>
    internal string? As => _options.As;

    /// <summary>Whether others may serve the name as well.</summary>
    internal bool IsShared => _options.Share;

    /// <summary>Under which generation it is registered; 0: not yet.</summary>
    internal long Generation { get; private set; }

    /// <summary>Over which control connection it was registered last.</summary>
    internal ControlLink? RegisteredOn { get; private set; }

    /// <summary>Carriers that run; guarded by the desk.</summary>
    internal int Carriers { get; set; }

    internal CancellationTokenSource Stop { get; } = new();

    /// <summary>Ends its carriers that no visitor has got yet.</summary>
    internal CancellationTokenSource Waits { get; } = new();

    internal string Shown => VisibleText.Of(_name ?? _requested ?? "(any name)", VisibleText.LogLength);

    /// <summary>Removes the pipe: its visitors are cut off, and the name is free when this returns, as far as the server can be reached within <see cref="DuplexityConnectionOptions.SendTimeout"/>. Never throws.</summary>
    public async ValueTask DisposeAsync() => await _desk.RemoveAsync(this).ConfigureAwait(false);

    /// <summary>
    /// Serves another resource, or in another way, under the same name and without a gap: visitors who come when this has returned meet what is new, at every node. What others had begun goes on, at a resource that
    /// is served no more for the grace that the server gives (10 s); whom the new <see cref="PipeOptions.Visitors"/> do not let in is cut off. The pipe that comes back is in this one's place, which is over (<see cref="Closed"/>: null). Where it is refused, this one serves on.
    /// </summary>
    /// <param name="resource">As with <see cref="Pipes.OpenAsync"/>.</param>
    /// <param name="options">All options anew; the client (<see cref="PipeOptions.As"/>) stays who it is.</param>
    /// <exception cref="FormatException">The resource cannot be read; the message says why.</exception>
    /// <exception cref="InvalidOperationException">The pipe is not open, or is being changed already.</exception>
    /// <exception cref="DuplexityException">It was refused, or there was no answer within <see cref="DuplexityConnectionOptions.SendTimeout"/>.</exception>
    public Task<Pipe> ChangeAsync(string resource, PipeOptions? options = null) =>
        (_desk.Changing ?? throw NotOpen())(this, resource, options ?? new PipeOptions());

    /// <summary>Makes a link by which whoever has it visits the pipe; see <see cref="Pipes.CreateLinkAsync"/>.</summary>
    /// <param name="link">For how long and for what; null: an hour, for everything.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="InvalidOperationException">The pipe is not open yet.</exception>
    /// <exception cref="DuplexityException">The pipe takes no links, or there was no answer in time.</exception>
    public Task<VisitorLink> CreateLinkAsync(VisitOptions? link = null, CancellationToken ct = default) => _desk.Linking(this, link, ct);

    // Once it has a name it keeps it, also when the first one was made up.
    internal PipeRegistration ToRegistration() => _options.ToRegistration(_name ?? _requested, Resource) with
    {
        Routes = _routes.Count == 0 ? null : [.. _options.Routes.Select(r => r with { Resource = _routes[r.Path ?? ""].ToString() })],
    };

    /// <summary>What an order for a route dials; null: nothing that was registered.</summary>
    internal Resource? TargetOf(string? route) => route is null ? Target : _routes.GetValueOrDefault(route);

    /// <exception cref="DuplexityException">The answer makes no sense.</exception>
    internal void Registered(PipeResult result, long generation, ControlLink link)
    {
        if (result.Name is null || !Uri.TryCreate(result.Url?.Replace("://*.", "://", StringComparison.Ordinal), UriKind.Absolute, out var url))
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

    /// <summary>
    /// Another has taken its place: what its carriers carry may finish, what they would begin is the other's. Where that one serves something else under the same text (another folder of that name, a certificate that is looked at), the
    /// server cannot know, and they end at once.
    /// </summary>
    internal void GiveWay(Pipe next)
    {
        if (_closed.TrySetResult(null))
        {
            Waits.Cancel();
            if (IsOther(Target, next.Target) || _routes.Any(r => next.TargetOf(r.Key) is { } other && IsOther(r.Value, other)))
            {
                Stop.Cancel();
            }

            _exchanges.Writer.TryComplete();
        }
    }

    private static bool IsOther(Resource one, Resource other) => one != other && one.ToString() == other.ToString();

    private static InvalidOperationException NotOpen() => new("The pipe is not open yet; ConnectAsync opens what was declared.");
}
