using System.Collections.Concurrent;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Pipes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Names;

/// <summary>
/// Whose a domain is that is not under the server's own: the operator says so (<see cref="PipesOptions.Domains"/>), or a TXT record at <c>_duplexity.DOMAIN</c> does, whose value only who is told it can know and only who has
/// the DNS zone can set. A record at a name above proves what is below it. What was proven is remembered for <see cref="TimeOptions.Proof"/>. Thread-safe.
/// </summary>
internal sealed class DomainProofs(PipeUrl url, DomainDns dns, ProofKey key, TimeProvider time, IOptions<DuplexityOptions> options, ILogger<DomainProofs> logger)
{
    /// <summary>The gate that a refusal names.</summary>
    public const string Gate = "domain";

    /// <summary>At how many names a proof is looked for: the domain's own, and those above it.</summary>
    private const int Levels = 4;

    /// <summary>How many proofs are remembered; then all are forgotten, and asked for again.</summary>
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<(string Client, string Domain), Proof> _proofs = new();
    private readonly string[] _service = [.. new[] { options.Value.Url, options.Value.Node.Url }.OfType<Uri>().Where(u => u.HostNameType == UriHostNameType.Dns).Select(u => u.IdnHost.ToLowerInvariant())];

    /// <summary>Whether a name needs a proof.</summary>
    public bool IsForeign(string name) => !PipePorts.IsPort(name) && !url.Covers(name);

    /// <summary>Whether the operator has given a name to a client.</summary>
    public bool IsGiven(string client, string name) =>
        options.Value.Pipes.Domains.Any(d => Pattern.Matches(d.Key.ToLowerInvariant(), name) && d.Value.Clients.Any(c => Pattern.Matches(c, client)));

    /// <summary>Why a client may not have a name; null: it may, for all that its domain has to do with it.</summary>
    public async ValueTask<DuplexityError?> ProblemAsync(string client, string name, CancellationToken ct)
    {
        if (!IsForeign(name) || IsGiven(client, name))
        {
            return null;
        }

        var domain = Engine.NameTree.RootOf(name);
        var site = PipeDomainCheck.Site(domain);
        if (Array.Exists(_service, s => PipeDomainCheck.Site(s) == site))
        {
            return DuplexityError.Of(
                Errors.InvalidPipe, $"{name} is on the service's own site, {site}: its pages could act on the service with their visitors' cookies. Only the operator can give it (Duplexity:Pipes:Domains).") with
            { Gate = Gate };
        }

        return await CheckAsync(client, domain, isClaim: true, ct) switch
        {
            { IsProven: true } => null,
            null => DuplexityError.Of(Errors.Unavailable, $"The DNS could not be asked whether {name} is this client's; try again in a moment."),
            _ => Unproven(name, domain, await key.ProofAsync(client, domain, ct)),
        };
    }

    /// <summary>Whether a proof that there was is known to be lost.</summary>
    public bool IsLost(string client, string domain) => !IsGiven(client, domain) && _proofs.TryGetValue((client, domain), out var proof) && !proof.IsProven;

    /// <summary>
    /// Whether what a client had proven, or been given, is known to be its no more. The DNS is asked anew whatever is remembered: for when somebody else has proven the domain. Where it cannot be asked, nothing is known.
    /// </summary>
    public async ValueTask<bool> IsGoneAsync(string client, string name, CancellationToken ct)
    {
        var domain = Engine.NameTree.RootOf(name);
        if (!IsForeign(domain) || IsGiven(client, name) || await AskAsync(client, domain, ct) is not false)
        {
            return false;
        }

        if (_proofs.TryGetValue((client, domain), out var last))
        {
            _proofs.TryUpdate((client, domain), new Proof(false, time.GetUtcNow()), last);
        }

        return true;
    }

    /// <summary>
    /// Looks for a proof in the DNS where the last look is too long ago; null where it could not be asked, and was not proven before. That a mere claim has none is not remembered: what a client asks for would fill the memory.
    /// </summary>
    public async ValueTask<Proof?> CheckAsync(string client, string domain, bool isClaim, CancellationToken ct)
    {
        var last = _proofs.GetValueOrDefault((client, domain));
        if (last is { IsProven: true } && time.GetUtcNow() - last.At < options.Value.Times.Proof)
        {
            return last;
        }

        if (await AskAsync(client, domain, ct) is not { } isProven)
        {
            // What was proven stays so: a DNS server that is away is no reason to take a site off.
            Log.DnsUnreachable(logger, domain);
            return last is { IsProven: true } ? last : null;
        }

        if (_proofs.Count >= Most)
        {
            _proofs.Clear();
        }

        var proof = new Proof(isProven, time.GetUtcNow());
        if (isProven || last is not null || !isClaim)
        {
            _proofs[(client, domain)] = proof;
        }

        return proof;
    }

    /// <summary>What the owner of a pipe is told whose proof is gone.</summary>
    public static string Lost(string name)
    {
        var domain = Engine.NameTree.RootOf(name);
        return $"the DNS does not say any more that {domain} is this client's: its TXT record at _duplexity.{domain} is gone.";
    }

    private DuplexityError Unproven(string name, string domain, string proof) => DuplexityError.Of(
        Errors.InvalidPipe,
        $"{name} is not under {url.Domain} (that would be {name}.{url.Domain}), and the DNS does not say that it is this client's. Make a TXT record at _duplexity.{domain} with the value {proof} and try again, or ask the operator for it (Duplexity:Pipes:Domains).") with
    {
        Gate = Gate,
    };

    private async Task<bool?> AskAsync(string client, string domain, CancellationToken ct)
    {
        var asked = Engine.NameTree.Of(domain, url.Domain).Split(' ').Take(Levels).Select(async above =>
        {
            var texts = await dns.TextsAsync($"_duplexity.{above}", ct);
            var proof = await key.ProofAsync(client, above, ct);
            return texts?.Contains(proof, StringComparer.Ordinal);
        });
        var answers = await Task.WhenAll(asked);
        return answers.Contains(true) ? true : answers.Contains(null) ? null : false;
    }

    /// <param name="IsProven">Whether the record was there.</param>
    /// <param name="At">When that was seen.</param>
    public sealed record Proof(bool IsProven, DateTimeOffset At);
}
