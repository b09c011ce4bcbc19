using Duplexity.Links;
using Duplexity.Protocol;

namespace Duplexity;

/// <content>What owners hand out to visitors.</content>
public sealed partial class Pipes
{
    /// <summary>
    /// Makes a link by which whoever has it visits a pipe of the client's, whichever of its programs serves it; <see cref="PipeOptions.Visitors"/> has <c>link</c> there. The link is kept nowhere and cannot be taken back; it ends
    /// with its time, and with the session that serves the pipe now.
    /// </summary>
    /// <param name="pipe">The hostname, or the label under the server's domain. Of a wildcard's pipe: the host that the link leads to, such as <c>a.cat1.example.org</c>, and is good for.</param>
    /// <param name="link">For how long and for what; null: an hour, for everything.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">The client has no such pipe, it takes no links, or there was no answer in time.</exception>
    public async Task<VisitorLink> CreateLinkAsync(string pipe, VisitOptions? link = null, AskOptions? options = null, CancellationToken ct = default)
    {
        link ??= new VisitOptions();
        var answer = await _control.AskAsync(
            options, (hub, client) => hub.CreateLink(new CreateLinkRequest { As = client, Pipe = pipe, ForMs = link.ForMs, Methods = link.MethodArray, Path = link.Path }), ct).ConfigureAwait(false);
        return Uri.TryCreate(answer.Url, UriKind.Absolute, out var url) && answer.ExpiresAt is { } end ? new(url, DateTimeOffset.FromUnixTimeMilliseconds(end)) : throw Link.BrokenConnection("a link has no address.");
    }

    /// <summary>Lets a client visit a pipe for a while, beside the pipe's own rules. In force on all nodes when it returns.</summary>
    /// <param name="pipe">The hostname, or the label under the server's domain.</param>
    /// <param name="client">Who may.</param>
    /// <param name="grant">For how long and for what; null: an hour, for everything.</param>
    /// <param name="options">As whom.</param>
    /// <param name="ct">Gives up waiting.</param>
    /// <exception cref="DuplexityException">The client has no such pipe, it is public, or there was no answer in time.</exception>
    public async Task<VisitGrant> GrantAsync(string pipe, string client, VisitOptions? grant = null, AskOptions? options = null, CancellationToken ct = default)
    {
        grant ??= new VisitOptions();
        var answer = await _control.AskAsync(
            options, (hub, acting) => hub.GrantVisit(new GrantVisitRequest { As = acting, Pipe = pipe, Client = client, ForMs = grant.ForMs, Methods = grant.MethodArray, Path = grant.Path }), ct).ConfigureAwait(false);
        return answer.Grant is { } given ? Of(given) : throw Link.BrokenConnection("a grant is not there.");
    }

    /// <summary>The grants that the client has given and that are in force, by pipe and client.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<IReadOnlyList<VisitGrant>> ListGrantsAsync(AskOptions? options = null, CancellationToken ct = default) =>
        [.. ((await _control.AskAsync(options, (hub, client) => hub.ListVisitGrants(new ListVisitGrantsRequest { As = client }), ct).ConfigureAwait(false)).Grants ?? []).Select(Of)];

    /// <summary>Withdraws all that was granted to a client at a pipe; who is being served by it is cut off. Answers how many grants those were.</summary>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    public async Task<int> WithdrawAsync(string pipe, string client, AskOptions? options = null, CancellationToken ct = default) =>
        (await _control.AskAsync(options, (hub, acting) => hub.WithdrawVisit(new WithdrawVisitRequest { As = acting, Pipe = pipe, Client = client }), ct).ConfigureAwait(false)).Grants ?? 0;

    private static VisitGrant Of(VisitGrantInfo info) => new(info.Pipe, info.Client, DateTimeOffset.FromUnixTimeMilliseconds(info.ExpiresAt), info.Methods, info.Path);
}
