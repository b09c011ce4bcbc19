using Duplexity.Protocol;
using Microsoft.AspNetCore.SignalR.Client;

namespace Duplexity.Links;

/// <summary>Where a control link's events go. Called from the link's one handler loop: must not block.</summary>
internal interface IControlSink
{
    void Carry(ControlLink link, CarryOrder order);

    void Exchanged(ExchangesEvent exchanges);
}

/// <summary>A control connection.</summary>
internal sealed class ControlLink : Link, IControlClient
{
    private readonly IControlSink _sink;
    private readonly Uri _server;
    private TaskCompletionSource<PipesResponse> _registered = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ControlLink(HubConnection connection, Uri server, IControlSink sink, TimeProvider time)
        : base(connection, time)
    {
        _server = server;
        _sink = sink;
        Hub = new ControlHubProxy(connection);
        ControlHubProxy.Register(connection, this);
    }

    public IControlHub Hub { get; }

    /// <summary>The origins that carry orders may name.</summary>
    public IReadOnlyCollection<string> Origins { get; private set; } = [];

    /// <summary>What the event <see cref="PipesAreRegistered"/> said to the last <see cref="ExpectPipes"/>.</summary>
    public Task<PipesResponse> Registered => Volatile.Read(ref _registered).Task;

    /// <summary>From now on <see cref="Registered"/> is the answer to the Open that follows.</summary>
    public void ExpectPipes() => Volatile.Write(ref _registered, new(TaskCreationOptions.RunContinuationsAsynchronously));

    /// <summary>Asks who we are here and where the data plane is, with a fresh ticket.</summary>
    /// <exception cref="DuplexityException">It was refused, or the answer is not for us.</exception>
    public async Task<(Uri DataPlane, string Ticket)> DiscoverAsync(string session, CancellationToken ct)
    {
        var request = new DiscoveryRequest { As = Client, ClientId = Client, Session = session, Protocol = Wire.Version };
        var answer = (await Hub.Discover(request).WaitAsync(ct).ConfigureAwait(false)).OrThrow();
        if (answer.ClientId != Client || answer.Session != session)
        {
            throw BrokenConnection("the answer to Discover is for another client.");
        }

        Origins = [.. answer.Origins ?? []];
        if (!Uri.TryCreate(answer.DataPlaneUri, UriKind.Absolute, out var uri) || answer.Ticket is null)
        {
            throw BrokenConnection("the answer to Discover names no data plane.");
        }

        // A token is never sent where the control plane did not say, and never in clear once the control connection is encrypted.
        var isListed = Origins.Any(o => Uri.TryCreate(o, UriKind.Absolute, out var origin) && OriginOf(origin) == OriginOf(uri));
        if (!isListed || uri.Scheme is not ("http" or "https") || (_server.Scheme is "https" or "wss" && uri.Scheme != "https"))
        {
            throw BrokenConnection("the data plane has an origin that Discover does not list.");
        }

        return (uri, answer.Ticket);
    }

    public Task PipesAreRegistered(PipesResponse pipes)
    {
        Volatile.Read(ref _registered).TrySetResult(pipes);
        return Task.CompletedTask;
    }

    public Task Carry(CarryOrder order)
    {
        _sink.Carry(this, order);
        return Task.CompletedTask;
    }

    public Task Exchanges(ExchangesEvent exchanges)
    {
        _sink.Exchanged(exchanges);
        return Task.CompletedTask;
    }

    public Task IdentitiesChanged(IdentitiesChangedEvent changed) => Task.CompletedTask;

    public Task ReauthenticateSoon(ReauthenticateSoonEvent soon) => Task.CompletedTask;

    public Task SocketsChanged(SocketsChangedEvent changed) => Task.CompletedTask;

    private static string OriginOf(Uri uri) => uri.GetLeftPart(UriPartial.Authority);
}
