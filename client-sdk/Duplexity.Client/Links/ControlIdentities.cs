using Duplexity.Carriers;
using Duplexity.Diagnostics;
using Duplexity.Protocol;
using Duplexity.Watching;
using Microsoft.Extensions.Logging;

namespace Duplexity.Links;

/// <summary>
/// The added clients on the control connection: each is authenticated there and has a session of its own before anything is asked as it. The two connections hold their clients apart, and what
/// ends for one of them ends here for it alone. Thread-safe.
/// </summary>
internal sealed class ControlIdentities(string session, PipeDesk pipes, WatchDesk watches, DuplexityConnectionOptions options, ILogger logger)
{
    private volatile ControlLink? _link;

    /// <summary>Where the tokens of an added client come from; null: it is not held. Set before the first link is opened.</summary>
    public Func<string, Func<CancellationToken, ValueTask<string?>>?> SourceOf { get; set; } = _ => null;

    /// <summary>Whether a client has joined the control connection that is open now.</summary>
    public bool Has(string client) => _link is { Ended.IsCompleted: false } link && link.Joined.ContainsKey(client);

    /// <summary>Makes sure that the link holds the client, with a session.</summary>
    /// <param name="link">The link.</param>
    /// <param name="client">The CID.</param>
    /// <param name="token">A token of it that is at hand; null: its source is asked.</param>
    /// <exception cref="DuplexityException">It is not one of this connection's, or it was refused, or its source failed.</exception>
    public Task EnsureAsync(ControlLink link, string client, string? token = null) => client == link.Client
        ? Task.CompletedTask
        : link.Joined.GetOrAdd(client, _ => new Lazy<Task>(() => JoinAsync(link, client, token))).Value;

    /// <summary>A client was added (or added again, with another source): on an open control connection it is there when this returns.</summary>
    /// <exception cref="DuplexityException">It was refused here.</exception>
    public async Task AddAsync(string client, string? token, CancellationToken ct)
    {
        if (_link is not { Ended.IsCompleted: false } link || client == link.Client)
        {
            return;
        }

        try
        {
            if (link.Joined.ContainsKey(client))
            {
                (await link.Hub.Refresh(new RefreshRequest { As = client, Token = token }).WaitAsync(options.SendTimeout, options.TimeProvider, ct).ConfigureAwait(false)).OrThrow();
            }
            else
            {
                await EnsureAsync(link, client, token).WaitAsync(options.SendTimeout, options.TimeProvider, ct).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is TimeoutException || (e is DuplexityException { Kind: ErrorKind.Unavailable } or not DuplexityException && !ct.IsCancellationRequested))
        {
            // The link is lost or slow: whoever asks as this client makes sure of it again.
        }
    }

    /// <summary>A client is dropped: what it has on the control connection ends.</summary>
    public async Task DropAsync(string client)
    {
        EndOf(client, NotHeld(client, null));
        if (_link is not { Ended.IsCompleted: false } link || !link.Joined.TryGetValue(client, out var joining))
        {
            return;
        }

        try
        {
            await joining.Value.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await link.Hub.Drop(new DropRequest { Client = client }).WaitAsync(options.SendTimeout, options.TimeProvider).ConfigureAwait(false);
        }
        catch (Exception e) when (Faults.IsLoss(e) || e is TimeoutException or Microsoft.AspNetCore.SignalR.HubException)
        {
            // The link goes, and its clients with it.
        }
        finally
        {
            link.Joined.TryRemove(client, out _);
        }
    }

    /// <summary>A fresh link holds its own client alone: the others come back before anything is asked as them. One that cannot is left out, alone.</summary>
    public async Task RestoreAsync(ControlLink link, IEnumerable<string> added, CancellationToken ct)
    {
        _link = link;
        foreach (var client in added)
        {
            try
            {
                await EnsureAsync(link, client).WaitAsync(ct).ConfigureAwait(false);
                if (SourceOf(client) is null)
                {
                    await DropAsync(client).ConfigureAwait(false);
                }
            }
            catch (DuplexityException e)
            {
                Log.IdentityNotRenewed(logger, VisibleText.Of(client, VisibleText.LogLength), e);
            }
        }
    }

    /// <summary>What the server tells of the control connection's clients.</summary>
    public void Apply(ControlLink link, IdentitiesChangedEvent changed)
    {
        if (!changed.Clients.Contains(changed.Client))
        {
            link.Joined.TryRemove(changed.Client, out _);
            EndOf(changed.Client, NotHeld(changed.Client, changed.Reason));
        }
    }

    private async Task JoinAsync(ControlLink link, string client, string? token)
    {
        try
        {
            token ??= await TokenAsync(client).ConfigureAwait(false);
            var answer = (await link.Hub.Authenticate(new AuthenticateRequest { Token = token }).ConfigureAwait(false)).OrThrow();
            if (answer.Identity?.Client != client)
            {
                throw new DuplexityException(DuplexityError.Of(Errors.IdentityNotHeld, $"The source of {VisibleText.Of(client)}'s tokens gave another client's."));
            }

            await link.DiscoverAsync(session, CancellationToken.None, client).ConfigureAwait(false);
        }
        catch
        {
            link.Joined.TryRemove(client, out _);
            throw;
        }
    }

    private async Task<string?> TokenAsync(string client)
    {
        var source = SourceOf(client) ?? throw new DuplexityException(NotHeld(client, null));
        try
        {
            return await source(CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not DuplexityException)
        {
            // It may be anything, and must not be taken for a loss of the link.
            throw new DuplexityException(DuplexityError.Of(Errors.Unavailable, $"There is no token of {VisibleText.Of(client)} now."), e);
        }
    }

    private void EndOf(string client, DuplexityError reason)
    {
        pipes.EndOf(client, reason);
        watches.EndOf(client, reason);
    }

    private static DuplexityError NotHeld(string client, string? reason) => DuplexityError.Of(
        Errors.IdentityNotHeld, $"This connection does not hold {VisibleText.Of(client)}{(string.IsNullOrEmpty(reason) ? "." : $" any more: {VisibleText.Of(reason, VisibleText.LogLength)}")}");
}
