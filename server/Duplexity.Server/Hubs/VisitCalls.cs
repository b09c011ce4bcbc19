using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels;
using Duplexity.Server.Tunnels.Gates;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Hubs;

/// <summary>What owners hand out to visitors of their pipes: links and grants. Only for a pipe of the acting client's own, and as long as it is that one's (G7). Thread-safe.</summary>
internal sealed class VisitCalls(PublicPipes pipes, VisitorRules rules, VisitorLinks links, VisitGrants grants, TimeProvider time, ILogger<VisitCalls> logger)
{
    private const int MostMethods = 16;
    private const int MaxMethod = 32;
    private static readonly TimeSpan Usual = TimeSpan.FromHours(1);
    private static readonly TimeSpan Longest = TimeSpan.FromDays(30);

    public async Task<CreateLinkResponse> CreateLinkAsync(HeldIdentity acting, CreateLinkRequest request, CancellationToken ct)
    {
        if ((Problem(request.ForMs, request.Methods, request.Path) ?? acting.Meter.TakeCall(acting.Rules)) is { } problem)
        {
            return new() { Error = problem };
        }

        if (await pipes.FindOwnAtAsync(acting.Client, request.Pipe, ct) is not var (entry, host))
        {
            return new() { Error = NotThere() };
        }

        if (NameTree.IsWildcard(host))
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidPipe, $"{host} stands for many hosts, and a link leads to one: ask for that one's, such as www{host[1..]}.") };
        }

        if (!rules.Of(entry).TakesLinks)
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidPipe, $"{entry.Name} takes no links: open it with link among its visitors.") };
        }

        var until = UntilOf(request.ForMs);
        Log.LinkMade(logger, VisibleText.Of(acting.Client, VisibleText.LogLength), entry.Name, until);
        return new() { Url = links.Write(entry, new(Tenure.Of(entry), until, request.Methods, request.Path, host == entry.Name ? null : host)), ExpiresAt = until.ToUnixTimeMilliseconds() };
    }

    public async Task<GrantVisitResponse> GrantAsync(HeldIdentity acting, GrantVisitRequest request, CancellationToken ct)
    {
        if ((Problem(request.ForMs, request.Methods, request.Path) ?? NotAClient(request.Client) ?? acting.Meter.TakeCall(acting.Rules)) is { } problem)
        {
            return new() { Error = problem };
        }

        if (await pipes.FindOwnAsync(acting.Client, request.Pipe, ct) is not { } entry)
        {
            return new() { Error = NotThere() };
        }

        if (rules.Of(entry) is not { IsPublic: false } gates || !(gates.TakesSignIn || gates.TakesBearer))
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidPipe, $"{entry.Name} does not ask which client its visitors are: open it with granted among its visitors, and without public.") };
        }

        var grant = new VisitGrant(Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16)), Tenure.Of(entry), request.Client!, UntilOf(request.ForMs), request.Methods, request.Path);
        if (await grants.AddAsync(grant, ct) is { } tooMany)
        {
            return new() { Error = tooMany };
        }

        Log.VisitGranted(logger, VisibleText.Of(acting.Client, VisibleText.LogLength), VisibleText.Of(grant.Client, VisibleText.LogLength), entry.Name, grant.Until);
        return new() { Grant = Info(grant) };
    }

    public ListVisitGrantsResponse List(HeldIdentity acting) => new() { Grants = [.. grants.Of(acting.Client).Select(Info)] };

    public async Task<WithdrawVisitResponse> WithdrawAsync(HeldIdentity acting, WithdrawVisitRequest request, CancellationToken ct)
    {
        if ((NotAClient(request.Client) ?? acting.Meter.TakeCall(acting.Rules)) is { } problem)
        {
            return new() { Error = problem };
        }

        // By the name, and not by the pipe: what was granted for one that is away is withdrawn as well.
        if (pipes.NameOf(request.Pipe) is not { } pipe)
        {
            return new() { Error = NotThere() };
        }

        var (count, pending) = await grants.WithdrawAsync(acting.Client, pipe, request.Client!, ct);
        if (count > 0)
        {
            Log.VisitWithdrawn(logger, VisibleText.Of(acting.Client, VisibleText.LogLength), VisibleText.Of(request.Client, VisibleText.LogLength), VisibleText.Of(pipe, VisibleText.LogLength));
        }

        return new() { Grants = count, Pending = pending };
    }

    private DateTimeOffset UntilOf(long? ms) => time.GetUtcNow() + (ms is { } given ? TimeSpan.FromMilliseconds(given) : Usual);

    private static VisitGrantInfo Info(VisitGrant grant) =>
        new() { Pipe = grant.For.Pipe, Client = grant.Client, ExpiresAt = grant.Until.ToUnixTimeMilliseconds(), Methods = grant.Methods, Path = grant.Path };

    private static DuplexityError NotThere() => DuplexityError.Of(Errors.UnknownDestination, "This client has no pipe of that name.");

    private static DuplexityError? NotAClient(string? client) => Address.IsClientId(client)
        ? null
        : DuplexityError.Of(Errors.InvalidRequest, $"\"{VisibleText.Of(client ?? "", Address.MaxClientLength)}\" cannot be a client.");

    private static DuplexityError? Problem(long? ms, string[]? methods, string? path) =>
        ms < 1000 || ms > Longest.TotalMilliseconds ? DuplexityError.Of(Errors.InvalidRequest, $"forMs is from 1000 to {Longest.TotalMilliseconds:0} (30 days).")
        : methods is not null && (methods.Length is 0 or > MostMethods || !methods.All(m => m is { Length: > 0 and <= MaxMethod } && m.All(char.IsAsciiLetterUpper)))
            ? DuplexityError.Of(Errors.InvalidRequest, $"methods are 1 to {MostMethods} words in capitals, such as GET.")
        : path is not null && !PathRule.IsPath(path) ? DuplexityError.Of(Errors.InvalidRequest, "path begins with a slash and has no query, no blanks, and nothing that two servers read in two ways (//, /../, %2F).")
        : null;
}
