using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity;

/// <summary>Public names that this client keeps for itself, with all below them, also while no program of it serves them. Thread-safe.</summary>
public sealed class Names
{
    private readonly ControlCalls _control;

    internal Names(ControlCalls control) => _control = control;

    /// <summary>Reserves a name; the client's own already is no error.</summary>
    /// <param name="name">A label under the server's domain (<c>cat1</c>), or a hostname of the client's own (<c>cat1.example.com</c>), which the DNS or the operator has to give it.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">It is another client's (<see cref="Errors.NameTaken"/>), may not be this one's (<see cref="Errors.Denied"/>; for a domain of its own the sentence says which TXT record proves it), there would be too many, or there was no answer in time.</exception>
    public async Task<NameInfo> ReserveAsync(string name, AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, client) => hub.ReserveName(new ReserveNameRequest { As = client, Name = name }), ct).ConfigureAwait(false)).Names![0];

    /// <summary>Lets go of a name of this client, or of one that it may administer. What serves it goes on; another client may have it after a rest of 30 days, unless the server says otherwise.</summary>
    /// <exception cref="DuplexityException">There is no such name that this client may release, or there was no answer in time.</exception>
    public Task ReleaseAsync(string name, AskOptions? options = null, CancellationToken ct = default) =>
        _control.AskAsync(options, (hub, client) => hub.ReleaseName(new ReleaseNameRequest { As = client, Name = name }), ct);

    /// <summary>The reserved names, in order, those that rest since their release included.</summary>
    /// <param name="options">As whom, and whose; with <c>*</c> everybody's.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<IReadOnlyList<NameInfo>> ListAsync(AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, client) => hub.ListNames(new ListNamesRequest { As = client, Client = options?.Client }), ct).ConfigureAwait(false)).Names ?? [];
}
