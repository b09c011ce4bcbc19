using System.Buffers.Binary;
using System.Text;

namespace Duplexity.Server.Tunnels;

/// <summary>The first message of a TLS connection, of which only the name that is asked for is read (RFC 8446, 4.1.2; RFC 6066, 3).</summary>
internal static class ClientHello
{
    /// <summary>No TLS library sends a longer one: with post-quantum key shares they have about 2 KB.</summary>
    public const int Longest = 16 * 1024;

    private const int RecordHead = 5;
    private const byte Handshake = 22;
    private const byte Hello = 1;

    /// <summary>How far it has come, and the name where it is whole.</summary>
    public static (HelloState State, string? Name) Read(ReadOnlySpan<byte> bytes)
    {
        // It may be split over several records; their contents together are the message.
        var message = new byte[Math.Min(bytes.Length, Longest)];
        var length = 0;
        var at = 0;
        while (true)
        {
            if (length >= 4)
            {
                var whole = 4 + (message[1] << 16) + (message[2] << 8) + message[3];
                if (message[0] != Hello || whole > Longest)
                {
                    return (HelloState.None, null);
                }

                if (length >= whole)
                {
                    return NameOf(message.AsSpan(4, whole - 4)) is { } name ? (HelloState.Whole, name) : (HelloState.None, null);
                }
            }

            if (bytes.Length - at < RecordHead)
            {
                return bytes.Length > at && bytes[at] != Handshake ? (HelloState.None, null) : More(bytes.Length);
            }

            var content = BinaryPrimitives.ReadUInt16BigEndian(bytes[(at + 3)..]);
            if (bytes[at] != Handshake || bytes[at + 1] != 3 || content is 0 or > Longest)
            {
                return (HelloState.None, null);
            }

            var here = bytes[(at + RecordHead)..Math.Min(bytes.Length, at + RecordHead + content)];
            if (length + here.Length > message.Length)
            {
                return (HelloState.None, null);
            }

            here.CopyTo(message.AsSpan(length));
            length += here.Length;
            at += RecordHead + content;
            if (at > bytes.Length)
            {
                at = bytes.Length;
            }

            if (here.Length < content && !IsWhole(message.AsSpan(0, length)))
            {
                return More(bytes.Length);
            }
        }
    }

    private static bool IsWhole(ReadOnlySpan<byte> message) => message.Length >= 4 && message.Length >= 4 + (message[1] << 16) + (message[2] << 8) + message[3];

    private static (HelloState, string?) More(int length) => (length < Longest ? HelloState.More : HelloState.None, null);

    private static string? NameOf(ReadOnlySpan<byte> hello)
    {
        var rest = hello;
        if (!Skip(ref rest, 2 + 32) || !Take(ref rest, 1, out _) || !Take(ref rest, 2, out _) || !Take(ref rest, 1, out _) || !Take(ref rest, 2, out var extensions))
        {
            return null;
        }

        while (extensions.Length >= 4)
        {
            var type = BinaryPrimitives.ReadUInt16BigEndian(extensions);
            extensions = extensions[2..];
            if (!Take(ref extensions, 2, out var extension))
            {
                return null;
            }

            if (type == 0)
            {
                return Take(ref extension, 2, out var names) && names.Length > 0 && names[0] == 0 && Skip(ref names, 1) && Take(ref names, 2, out var name) && name.Length is > 0 and <= 255
                    && name.IndexOfAnyExceptInRange((byte)'!', (byte)'~') < 0
                    ? Encoding.ASCII.GetString(name)
                    : null;
            }
        }

        return null;
    }

    private static bool Skip(ref ReadOnlySpan<byte> rest, int count)
    {
        var isThere = rest.Length >= count;
        rest = isThere ? rest[count..] : default;
        return isThere;
    }

    /// <summary>A field with its length before it.</summary>
    private static bool Take(ref ReadOnlySpan<byte> rest, int lengthBytes, out ReadOnlySpan<byte> field)
    {
        field = default;
        if (rest.Length < lengthBytes)
        {
            return false;
        }

        var length = lengthBytes == 1 ? rest[0] : BinaryPrimitives.ReadUInt16BigEndian(rest);
        rest = rest[lengthBytes..];
        if (rest.Length < length)
        {
            return false;
        }

        field = rest[..length];
        rest = rest[length..];
        return true;
    }
}

/// <summary>How far a ClientHello has come.</summary>
internal enum HelloState
{
    /// <summary>Its end is not there yet.</summary>
    More,

    /// <summary>It is there, with a name.</summary>
    Whole,

    /// <summary>It is none, or has no name.</summary>
    None,
}
