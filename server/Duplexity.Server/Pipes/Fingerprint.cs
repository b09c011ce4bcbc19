using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Duplexity.Protocol;

namespace Duplexity.Server.Pipes;

/// <summary>A hash of what a request says, its key left out: the same key with another content is a mistake of the caller (G4).</summary>
internal static class Fingerprint
{
    public static string Of(MessageRequest request)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var to in (request as SendRequest)?.To ?? [])
        {
            Add(hash, to);
        }

        Add(hash, request.Text);
        Add(hash, request.Bytes);
        Add(hash, request.ContentType);
        Add(hash, request.Type);
        Add(hash, request.Re);
        foreach (var (name, value) in request.Headers?.OrderBy(h => h.Key, StringComparer.Ordinal).AsEnumerable() ?? [])
        {
            Add(hash, name);
            Add(hash, value);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }

    /// <summary>Of parts, each with its bounds.</summary>
    public static string Of(ReadOnlySpan<string?> parts, byte[] body)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in parts)
        {
            Add(hash, part);
        }

        Add(hash, body);
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }

    private static void Add(IncrementalHash hash, string? part) => Add(hash, part is null ? null : Encoding.UTF8.GetBytes(part));

    private static void Add(IncrementalHash hash, byte[]? part)
    {
        // The length goes before each part, so that two parts never read as one.
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, part?.Length ?? -1);
        hash.AppendData(length);
        hash.AppendData(part ?? []);
    }
}
