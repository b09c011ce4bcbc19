using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Watching;
using Microsoft.AspNetCore.SignalR.Client;

namespace Duplexity.Links;

/// <summary>Where a control link's events go. Called from the link's one handler loop: must not block.</summary>
internal interface IControlSink
{
    void Carry(ControlLink link, CarryOrder order);

    void Exchanged(ExchangesEvent exchanges);

    void Closed(PipeClosedEvent closed);
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

    /// <summary>Who is told of the clients of this connection.</summary>
    public required Identities Identities { get; init; }

    /// <summary>Who is told of what is watched.</summary>
    public required WatchDesk Watches { get; init; }

    /// <summary>The added clients that have joined, or are about to.</summary>
    public ConcurrentDictionary<string, Lazy<Task>> Joined { get; } = new();

    /// <summary>The origins that carry orders may name.</summary>
    public IReadOnlyCollection<string> Origins { get; private set; } = [];

    /// <summary>What the event <see cref="PipesAreRegistered"/> said to the last <see cref="ExpectPipes"/>.</summary>
    public Task<PipesResponse> Registered => Volatile.Read(ref _registered).Task;

    /// <summary>From now on <see cref="Registered"/> is the answer to the Open that follows.</summary>
    public void ExpectPipes() => Volatile.Write(ref _registered, new(TaskCreationOptions.RunContinuationsAsynchronously));

    /// <summary>Asks who we are here and where the data plane is, with a fresh ticket; as another client of this link than its own, for a session of that one.</summary>
    /// <exception cref="DuplexityException">It was refused, or the answer is not for us.</exception>
    public async Task<(Uri DataPlane, string Ticket)> DiscoverAsync(string session, CancellationToken ct, string? client = null)
    {
        client ??= Client;
        var request = new DiscoveryRequest { As = client, ClientId = client, Session = session, Protocol = Wire.Version };
        var answer = (await Hub.Discover(request).WaitAsync(ct).ConfigureAwait(false)).OrThrow();
        if (answer.ClientId != client || answer.Session != session)
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

    public Task PipeClosed(PipeClosedEvent closed)
    {
        _sink.Closed(closed);
        return Task.CompletedTask;
    }

    public Task IdentitiesChanged(IdentitiesChangedEvent changed)
    {
        Identities.Apply(this, changed);
        return Task.CompletedTask;
    }

    public Task ReauthenticateSoon(ReauthenticateSoonEvent soon)
    {
        // Not awaited: the answer comes through the very loop that calls this.
        _ = Identities.RenewAsync(this, soon.Client);
        return Task.CompletedTask;
    }

    public Task SocketsChanged(SocketsChangedEvent changed)
    {
        Watches.Apply(changed);
        return Task.CompletedTask;
    }

    public Task PipesChanged(PipesChangedEvent changed)
    {
        Watches.Apply(changed);
        return Task.CompletedTask;
    }

    public Task ExchangesKept(ExchangesKeptEvent kept)
    {
        Watches.Apply(kept);
        return Task.CompletedTask;
    }

    private static string OriginOf(Uri uri) => uri.GetLeftPart(UriPartial.Authority);
}
