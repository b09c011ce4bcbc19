using System.Security.Cryptography;
using System.Text;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tunnels.Names;

/// <summary>The key from which the values of TXT records are made: drawn once, sealed among the records, the same on all nodes. Thread-safe.</summary>
internal sealed class ProofKey(IEngine engine, ISealing sealing, ILogger<ProofKey> logger)
{
    private const string Kind = "domain-proof-key";
    private const string Prefix = "duplexity=";

    private volatile byte[]? _key;

    /// <summary>What the TXT record of a domain says where it is a client's.</summary>
    public async ValueTask<string> ProofAsync(string client, string domain, CancellationToken ct)
    {
        var key = _key ??= await ReadAsync(ct);
        return Prefix + Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{domain}\n{client}")).AsSpan(0, 20));
    }

    private async ValueTask<byte[]> ReadAsync(CancellationToken ct)
    {
        while (true)
        {
            var kept = await engine.Records.ReadAsync(Kind, Kind, ct);
            if (sealing.Open(Kind, kept) is { } open)
            {
                return Convert.FromBase64String(open);
            }

            var drawn = sealing.Seal(Kind, Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
            if (kept is null)
            {
                await engine.Records.TryAddAsync(Kind, Kind, drawn, null, CancellationToken.None);
            }
            else if (await engine.Records.TryReplaceAsync(Kind, Kind, kept, drawn, null, CancellationToken.None))
            {
                Log.ProofKeyLost(logger);
            }
        }
    }
}
