using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Cluster;

/// <summary>
/// Signs what nodes ask each other, and tells whether it was signed (G18): an HMAC with the cluster's key over everything that is asked, by whom, of whom, and when, good once. So what somebody overhears is of no use to him:
/// not again, not elsewhere, not otherwise, not later. Fronts have a key of their own, which is good for what a front may ask, and for what is asked of it. Thread-safe.
/// </summary>
internal sealed class NodeSignature(Node node, IOptions<DuplexityOptions> options, TimeProvider time)
{
    /// <summary>How far the clocks of two nodes may be apart (G18).</summary>
    private static readonly TimeSpan Skew = TimeSpan.FromSeconds(30);

    /// <summary>How many nonces are remembered; what comes beyond is refused. More than nodes ask in a minute.</summary>
    private const int MostNonces = 1_000_000;

    // A front has its own key only, and that one is all that it can be asked by.
    private readonly Keys? _nodes = options.Value.IsFront ? null : Keys.Of(options.Value.Cluster.Key, options.Value.Cluster.FormerKey);
    private readonly Keys? _fronts = options.Value.IsFront
        ? Keys.Of(options.Value.Front.Key, options.Value.Front.FormerKey)
        : Keys.Of(options.Value.Cluster.FrontKey, options.Value.Cluster.FormerFrontKey);
    private readonly ConcurrentDictionary<string, long> _seen = new(StringComparer.Ordinal);
    private readonly Lock _sweeping = new();
    private long _swept = time.GetTimestamp();

    /// <summary>Whether there is a key for the other nodes.</summary>
    public bool HasKey => _nodes is not null;

    /// <summary>Whether there is a key of fronts.</summary>
    public bool KnowsFronts => _fronts is not null;

    private string Self => IdOf(node.Name, node.Life);

    /// <summary>Whether a node can be asked.</summary>
    public bool MayAsk(NodeInfo node) => KeysOf(node.IsFront) is not null;

    /// <summary>Signs a request to a node; one without a name and a life is whoever listens there, and is asked for these alone (<see cref="NameCall"/>).</summary>
    public NodeRequest Sign(string method, string target, ReadOnlySpan<byte> body, NodeInfo to, string context = "")
    {
        var request = new NodeRequest
        {
            Method = method,
            Target = target,
            Context = context,
            From = Self,
            To = to.Life.Length == 0 ? "" : IdOf(to.Name, to.Life),
            At = time.GetUtcNow().ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture),
            Nonce = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(16)),
            Signature = "",
        };
        return request with { Signature = Base64Url.EncodeToString(Mac(KeysOf(to.IsFront)!.Current, request, body)) };
    }

    /// <summary>Why a request is refused; null: it is a node's of this cluster, for this one, and new.</summary>
    public string? Problem(NodeRequest request, ReadOnlySpan<byte> body) => Problem(request, body, out _);

    /// <summary>The same, and <paramref name="by"/> which key.</summary>
    public string? Problem(NodeRequest request, ReadOnlySpan<byte> body, out SignedBy by)
    {
        var (front, node) = (SignerOf(_fronts, request, body), SignerOf(_nodes, request, body));
        by = new(IsFront: front is not null, IsFormer: (front ?? node) == false);
        if (front is null && node is null)
        {
            return "it is not signed with this cluster's key";
        }

        if (request.To != Self && (request.To.Length > 0 || request.Target != "/" + NameCall.Word))
        {
            return "it is for another node, or for an earlier life of this one";
        }

        if (!long.TryParse(request.At, NumberStyles.None, CultureInfo.InvariantCulture, out var at) || Math.Abs(time.GetUtcNow().ToUnixTimeMilliseconds() - at) > Skew.TotalMilliseconds)
        {
            return $"it was signed more than {Skew.TotalSeconds} s ago, or the two nodes' clocks are that far apart";
        }

        return IsNew(request.Nonce) ? null : "it came before";
    }

    /// <summary>What the asked node proves its answer with: the key by which it was asked, for whoever asks may not have changed its key yet.</summary>
    public string SignAnswer(NodeRequest request, int status, ReadOnlySpan<byte> body, SignedBy by = default)
    {
        var keys = KeysOf(by.IsFront)!;
        return Base64Url.EncodeToString(AnswerMac(by.IsFormer ? keys.Former! : keys.Current, request, status, body));
    }

    /// <summary>Whether an answer is the asked node's, to this very request; <paramref name="isFront"/>: a front was asked.</summary>
    public bool IsAnswer(NodeRequest request, int status, ReadOnlySpan<byte> body, string? signature, bool isFront = false) =>
        KeysOf(isFront) is { } keys && (AreSame(AnswerMac(keys.Current, request, status, body), signature) || (keys.Former is { } former && AreSame(AnswerMac(former, request, status, body), signature)));

    /// <summary>How a life of a node is named in a request.</summary>
    public static string IdOf(string name, string life) => $"{name}.{life}";

    private Keys? KeysOf(bool isFront) => isFront || options.Value.IsFront ? _fronts : _nodes;

    /// <summary>Whether a request is signed with the current key; false: with the former one; null: with neither.</summary>
    private static bool? SignerOf(Keys? keys, NodeRequest request, ReadOnlySpan<byte> body) =>
        keys is null ? null
        : AreSame(Mac(keys.Current, request, body), request.Signature) ? true
        : keys.Former is { } former && AreSame(Mac(former, request, body), request.Signature) ? false
        : null;

    private bool IsNew(string nonce)
    {
        // One that is older than both skews together would be refused for its time.
        if (time.GetElapsedTime(Volatile.Read(ref _swept)) > Skew)
        {
            lock (_sweeping)
            {
                _swept = time.GetTimestamp();
                foreach (var (old, since) in _seen)
                {
                    if (time.GetElapsedTime(since) > 2 * Skew)
                    {
                        _seen.TryRemove(old, out _);
                    }
                }
            }
        }

        return _seen.Count < MostNonces && _seen.TryAdd(nonce, time.GetTimestamp());
    }

    private static byte[] Mac(byte[] key, NodeRequest request, ReadOnlySpan<byte> body) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(string.Join(
        '\n', "request", request.Method, request.Target, request.Context, request.From, request.To, request.At, request.Nonce, Convert.ToHexStringLower(SHA256.HashData(body)))));

    private static byte[] AnswerMac(byte[] key, NodeRequest request, int status, ReadOnlySpan<byte> body) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(string.Join(
        '\n', "answer", request.From, request.To, request.Nonce, status.ToString(CultureInfo.InvariantCulture), Convert.ToHexStringLower(SHA256.HashData(body)))));

    private static bool AreSame(byte[] mac, string? signature) =>
        signature is not null && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Base64Url.EncodeToString(mac)), Encoding.UTF8.GetBytes(signature));

    /// <summary>What is signed with, and what was before and is taken still.</summary>
    private sealed record Keys(byte[] Current, byte[]? Former)
    {
        public static Keys? Of(string? current, string? former) => string.IsNullOrEmpty(current) ? null : new(Encoding.UTF8.GetBytes(current), string.IsNullOrEmpty(former) ? null : Encoding.UTF8.GetBytes(former));
    }
}

/// <summary>Which key a request is signed with.</summary>
/// <param name="IsFront">That of fronts, which is good for what they may ask.</param>
/// <param name="IsFormer">The one before the present one.</param>
internal readonly record struct SignedBy(bool IsFront, bool IsFormer);
