using System.Net;
using DnsClient;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Names;

/// <summary>Asks the configured DNS server, or the system's, for TXT records. Nothing is remembered: who has just made a record tries again. Thread-safe.</summary>
internal sealed class DomainDns(IOptions<DuplexityOptions> options)
{
    private const int Port = 53;

    // Made at the first question: a system without a resolver is a problem of those only who want a domain proven.
    private readonly Lazy<LookupClient> _client = new(() => new LookupClient(Of(options.Value)));

    /// <summary>The texts of a name, none where the DNS says that there are none; null where it could not be asked.</summary>
    public async Task<IReadOnlyList<string>?> TextsAsync(string name, CancellationToken ct)
    {
        try
        {
            // With the root's dot, so that no search domain of this machine is put behind it.
            var answer = await _client.Value.QueryAsync($"{name}.", QueryType.TXT, QueryClass.IN, ct);
            return answer.Header.ResponseCode is DnsHeaderResponseCode.NoError or DnsHeaderResponseCode.NotExistentDomain
                ? [.. answer.Answers.TxtRecords().Select(r => string.Concat(r.Text))]
                : null;
        }
        catch (Exception e) when (e is DnsResponseException or InvalidOperationException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return null;
        }
    }

    /// <summary>Reads <c>ADDRESS</c> or <c>ADDRESS:PORT</c>; null where it is neither.</summary>
    public static IPEndPoint? Read(string text) => IPEndPoint.TryParse(text, out var read) ? new(read.Address, read.Port == 0 ? Port : read.Port) : null;

    private static LookupClientOptions Of(DuplexityOptions options)
    {
        var made = options.Pipes.Resolver is { Length: > 0 } text && Read(text) is { } server ? new LookupClientOptions(server) : new LookupClientOptions();
        (made.UseCache, made.Timeout, made.Retries, made.ThrowDnsErrors) = (false, options.Times.Dns, 1, false);
        return made;
    }
}
