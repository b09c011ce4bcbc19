using System.Buffers.Binary;
using System.Text;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// The first message of a TLS connection, of which only the name that is asked for is read (RFC 8446, 4.1.2; RFC 6066, 3). It may come in as many pieces as its sender likes: each look goes on where the last one ended, and copies nothing. For
/// one connection; not thread-safe.
/// </summary>
internal sealed class ClientHello
{
    /// <summary>No TLS library sends a longer one: with post-quantum key shares they have about 2 KB.</summary>
    public const int Longest = 16 * 1024;

    private const int RecordHead = 5;
    private const int MessageHead = 4;
    private const byte Handshake = 22;
    private const byte Hello = 1;

    // All records before this place are there as a whole, and hold so much of the message, which may be split over several; with its first bytes it says how long it is.
    private int _at;
    private int _length;
    private uint _head;

    /// <summary>How far it has come, and the name where it is whole.</summary>
    /// <param name="bytes">All that has come so far.</param>
    public (HelloState State, string? Name) Read(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length - _at >= RecordHead)
        {
            var content = BinaryPrimitives.ReadUInt16BigEndian(bytes[(_at + 3)..]);
            if (bytes[_at] != Handshake || bytes[_at + 1] != 3 || content is 0 or > Longest)
            {
                return (HelloState.None, null);
            }

            var here = bytes[(_at + RecordHead)..Math.Min(bytes.Length, _at + RecordHead + content)];
            var (length, head) = (_length + here.Length, _head);
            for (var i = 0; i < here.Length && _length + i < MessageHead; i++)
            {
                head = (head << 8) | here[i];
            }

            if (length >= MessageHead)
            {
                var whole = MessageHead + (int)(head & 0xFFFFFF);
                if (head >> 24 != Hello || whole > Longest)
                {
                    return (HelloState.None, null);
                }

                if (length >= whole)
                {
                    return NameOf(Message(bytes, whole)[MessageHead..]) is { } name ? (HelloState.Whole, name) : (HelloState.None, null);
                }
            }

            if (here.Length < content)
            {
                return More(bytes.Length);
            }

            (_at, _length, _head) = (_at + RecordHead + content, length, head);
        }

        return bytes.Length > _at && bytes[_at] != Handshake ? (HelloState.None, null) : More(bytes.Length);
    }

    /// <summary>The message, all of which is there: as it stands, or put together where it is split.</summary>
    private static ReadOnlySpan<byte> Message(ReadOnlySpan<byte> bytes, int whole)
    {
        if (BinaryPrimitives.ReadUInt16BigEndian(bytes[3..]) >= whole)
        {
            return bytes.Slice(RecordHead, whole);
        }

        var message = new byte[whole];
        for (int length = 0, at = 0; length < whole;)
        {
            var content = BinaryPrimitives.ReadUInt16BigEndian(bytes[(at + 3)..]);
            var here = bytes.Slice(at + RecordHead, Math.Min(content, whole - length));
            here.CopyTo(message.AsSpan(length));
            (length, at) = (length + here.Length, at + RecordHead + content);
        }

        return message;
    }

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
