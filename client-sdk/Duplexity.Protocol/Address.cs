using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Duplexity;

/// <summary>What an <see cref="Address"/> names.</summary>
public enum AddressKind
{
    /// <summary>No address at all: the value of <c>default(Address)</c>.</summary>
    None,

    /// <summary><c>socket:ID</c>, one live data connection.</summary>
    Socket,

    /// <summary><c>client:CID</c>, a client's inbox.</summary>
    Client,

    /// <summary><c>feed:CID</c>, what a client emits, heard by its followers.</summary>
    Feed,

    /// <summary><c>room:NAME</c>, a group of sockets with presence and history.</summary>
    Room,

    /// <summary><c>lockspace:NAME</c>, a guarded space with locks.</summary>
    Lockspace,

    /// <summary><c>service:NAME</c>, an inner channel that clients can neither see nor address.</summary>
    Service,
}

/// <summary>
/// Where a message can go: <c>socket:</c>, <c>client:</c>, <c>feed:</c>, <c>room:</c>, <c>lockspace:</c> or <c>service:</c>, then a name.
/// Parsed once and canonical from then on: the kind in lower case, the name in Unicode normal form C. Names compare byte for byte, so
/// <c>room:Team</c> and <c>room:team</c> are two rooms. A value type without behaviour of its own; safe on any thread.
/// </summary>
public readonly record struct Address : IParsable<Address>
{
    /// <summary>The longest address in UTF-8 bytes, kind included: 255, what Centrifugo and file systems allow for a name.</summary>
    public const int MaxBytes = 255;

    /// <summary>The longest CID in characters: 128, so that a CID fits twice into an address.</summary>
    public const int MaxClientLength = 128;

    private const string ServicePrincipalPrefix = "service:";

    private readonly string? _name;

    private Address(AddressKind kind, string name)
    {
        Kind = kind;
        _name = name;
    }

    /// <summary>What the address names; <see cref="AddressKind.None"/> for <c>default</c>.</summary>
    public AddressKind Kind { get; }

    /// <summary>The part behind the first colon, in normal form C; empty for <c>default</c>.</summary>
    public string Name => _name ?? "";

    /// <summary>The address of the room <paramref name="name"/>.</summary>
    /// <exception cref="FormatException">The name cannot be part of an address; the message says why.</exception>
    public static Address Room(string name) => Create(AddressKind.Room, name);

    /// <summary>The address of the inbox of the client <paramref name="client"/>, a CID.</summary>
    /// <exception cref="FormatException">The name cannot be a CID; the message says why.</exception>
    public static Address Client(string client) => Create(AddressKind.Client, client);

    /// <summary>The address of what the client <paramref name="client"/> emits.</summary>
    /// <exception cref="FormatException">The name cannot be a CID; the message says why.</exception>
    public static Address Feed(string client) => Create(AddressKind.Feed, client);

    /// <summary>The address of one socket, by its SOCK_ID.</summary>
    /// <exception cref="FormatException">The name cannot be part of an address; the message says why.</exception>
    public static Address Socket(string socketId) => Create(AddressKind.Socket, socketId);

    /// <summary>The address of the lockspace <paramref name="name"/>.</summary>
    /// <exception cref="FormatException">The name cannot be part of an address; the message says why.</exception>
    public static Address Lockspace(string name) => Create(AddressKind.Lockspace, name);

    /// <summary>The address of the service channel <paramref name="name"/>; the server refuses it from clients.</summary>
    /// <exception cref="FormatException">The name cannot be part of an address; the message says why.</exception>
    public static Address Service(string name) => Create(AddressKind.Service, name);

    /// <summary>Reads <c>KIND:NAME</c>.</summary>
    /// <exception cref="FormatException">It is not an address; the message says what was wrong.</exception>
    public static Address Parse(string s, IFormatProvider? provider = null) =>
        TryRead(s, out var address, out var problem) ? address : throw new FormatException(problem);

    /// <summary>Reads <c>KIND:NAME</c>; false where <see cref="Parse"/> would throw.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out Address result) => TryRead(s, out result, out _);

    /// <summary>Reads <c>KIND:NAME</c>; false, with a sentence that says what is wrong, where it is not an address.</summary>
    public static bool TryRead(string? text, out Address address, [NotNullWhen(false)] out string? problem)
    {
        address = default;
        if (string.IsNullOrEmpty(text))
        {
            problem = "An address is empty; write KIND:NAME, such as room:lobby.";
            return false;
        }

        var colon = text.IndexOf(':');
        if (colon < 0)
        {
            problem = $"\"{Shown(text)}\" is not an address: it has no kind; write KIND:NAME, such as room:{Shown(text)}.";
            return false;
        }

        if (!TryKind(text.AsSpan(0, colon), out var kind))
        {
            problem = $"\"{Shown(text[..colon])}\" is not a kind of address; use socket, client, feed, room or lockspace.";
            return false;
        }

        return TryCreate(kind, text[(colon + 1)..], out address, out problem);
    }

    /// <summary>The canonical text, <c>KIND:NAME</c>; empty for <c>default</c>.</summary>
    public override string ToString() => Kind == AddressKind.None ? "" : $"{KindText(Kind)}:{Name}";

    /// <summary>
    /// Whether <paramref name="client"/> can be a CID (G19): normal form C, 1 to 128 characters, no control characters, white space, bidirectional
    /// controls, lone surrogates, colons or asterisks; only a service principal has a colon, in <c>service:NAME</c>. An asterisk stands for any run of characters in
    /// <see cref="Allowances"/>, and alone for everybody: a client of that name would be taken for all of them.
    /// </summary>
    public static bool IsClientId([NotNullWhen(true)] string? client) =>
        client?.Contains('*') != true && TryCreate(AddressKind.Client, client, out var address, out _) && string.Equals(address.Name, client, StringComparison.Ordinal);

    private static Address Create(AddressKind kind, string name) =>
        TryCreate(kind, name, out var address, out var problem) ? address : throw new FormatException(problem);

    private static bool TryCreate(AddressKind kind, string? name, out Address address, [NotNullWhen(false)] out string? problem)
    {
        address = default;
        if (string.IsNullOrEmpty(name))
        {
            problem = $"The address {KindText(kind)}: has no name behind the colon.";
            return false;
        }

        foreach (var rune in name.EnumerateRunes())
        {
            // A lone surrogate enumerates as U+FFFD, which therefore is refused as well. The last two of each plane are no characters, and have no normal form.
            if (rune == Rune.ReplacementChar || (rune.Value & 0xFFFE) == 0xFFFE || Rune.IsControl(rune) || Rune.IsWhiteSpace(rune) || Rune.GetUnicodeCategory(rune) == UnicodeCategory.Format)
            {
                problem = $"The name of a {KindText(kind)} has the character U+{rune.Value:X4}; white space, control, direction and broken characters are not allowed.";
                return false;
            }
        }

        name = name.Normalize(NormalizationForm.FormC);
        if (kind is AddressKind.Client or AddressKind.Feed)
        {
            var own = name.StartsWith(ServicePrincipalPrefix, StringComparison.Ordinal) ? name[ServicePrincipalPrefix.Length..] : name;
            if (own.Length == 0 || own.Contains(':'))
            {
                problem = $"\"{Shown(name)}\" cannot be a client: a client's name has no colon.";
                return false;
            }

            if (name.Length > MaxClientLength)
            {
                problem = $"A client's name has at most {MaxClientLength} characters; this one has {name.Length}.";
                return false;
            }
        }

        var bytes = Encoding.UTF8.GetByteCount(name) + KindText(kind).Length + 1;
        if (bytes > MaxBytes)
        {
            problem = $"An address has at most {MaxBytes} bytes; this one has {bytes}.";
            return false;
        }

        address = new Address(kind, name);
        problem = null;
        return true;
    }

    private static bool TryKind(ReadOnlySpan<char> text, out AddressKind kind)
    {
        for (kind = AddressKind.Socket; kind <= AddressKind.Service; kind++)
        {
            if (text.Equals(KindText(kind), StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        kind = AddressKind.None;
        return false;
    }

    private static string KindText(AddressKind kind) => kind switch
    {
        AddressKind.Socket => "socket",
        AddressKind.Client => "client",
        AddressKind.Feed => "feed",
        AddressKind.Room => "room",
        AddressKind.Lockspace => "lockspace",
        AddressKind.Service => "service",
        _ => "",
    };

    private static string Shown(string text) => VisibleText.Of(text, 64);
}
