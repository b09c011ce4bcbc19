using System.Diagnostics.CodeAnalysis;
using System.Net;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>One rule of who may visit a pipe, as its owner wrote it.</summary>
/// <param name="Kind">One of the constants.</param>
/// <param name="Value">What stands behind the colon: a pattern of clients, a channel, a user, a network; empty where there is none.</param>
/// <param name="Secret">With <see cref="Basic"/>: the password, or its hash.</param>
internal sealed record VisitorRule(string Kind, string Value = "", string Secret = "")
{
    public const string Public = "public";
    public const string SignedIn = "signed-in";
    public const string Client = "client";
    public const string Room = "room";
    public const string Lockspace = "lockspace";
    public const string Basic = "basic";
    public const string Bearer = "bearer";
    public const string Ip = "ip";
    public const string Link = "link";
    public const string Granted = "granted";

    /// <summary>The most rules of one pipe.</summary>
    public const int Most = 50;

    /// <summary>The most passwords of one pipe: each costs a slow hash to check.</summary>
    private const int MostPasswords = 5;

    private const int MaxLength = 8192;
    private const int MaxUser = 64;
    private const string Words = "public, signed-in, client:NAME, room:NAME, lockspace:NAME, basic:USER:PASSWORD, bearer, ip:NETWORK, link or granted";

    /// <summary>Whether an address is all that it looks at.</summary>
    public bool IsByAddress => Kind is Public or Ip;

    /// <summary>As it is stored: without a password that anybody could read.</summary>
    public override string ToString() => Kind == Basic ? $"{Kind}:{Value}:{Secret}" : Value.Length == 0 ? Kind : $"{Kind}:{Value}";

    /// <summary>Reads rules with commas between them; false, with what is wrong, where they cannot be read. Nothing that is secret is in what is wrong.</summary>
    public static bool TryRead(string text, out VisitorRule[] rules, [NotNullWhen(false)] out string? problem)
    {
        (rules, problem) = ([], null);
        var words = text.Split(',', StringSplitOptions.TrimEntries);
        if (text.Length > MaxLength || words.Length > Most)
        {
            problem = $"there are at most {Most} rules with {MaxLength} characters together";
            return false;
        }

        var read = new List<VisitorRule>(words.Length);
        foreach (var word in words)
        {
            if (!TryReadOne(word, out var rule, out problem))
            {
                return false;
            }

            read.Add(rule);
        }

        problem = read.Count(r => r.Kind == Basic) > MostPasswords ? $"at most {MostPasswords} rules may be basic:" : null;
        rules = [.. read];
        return problem is null;
    }

    private static bool TryReadOne(string word, [NotNullWhen(true)] out VisitorRule? rule, [NotNullWhen(false)] out string? problem)
    {
        var colon = word.IndexOf(':');
        var (kind, value) = colon < 0 ? (word, "") : (word[..colon], word[(colon + 1)..]);
        (rule, problem) = (kind, value) switch
        {
            (Public or SignedIn or Bearer or Link or Granted, "") when colon < 0 => (new(kind), null),
            (Client, { Length: > 0 and <= Pattern.MaxLength }) when !value.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)) => (new(kind, value), null),
            (Room or Lockspace, _) when Address.TryRead(word, out _, out _) => (new(kind, value), null),
            (Ip, _) when NetworkOf(value) is { } network => (new(kind, network.ToString()), null),
            (Ip, _) => (null, "ip: wants an address or a network such as 10.0.0.0/8 or 2001:db8::/32, without bits behind its length"),
            (Basic, _) => ReadBasic(value),
            _ => ((VisitorRule?)null, (string?)$"\"{VisibleText.Of(kind, 64)}\" with what stands behind it is no rule: it is {Words}"),
        };
        return rule is not null;
    }

    /// <summary>A network, or an address as one; null where it is neither.</summary>
    public static IPNetwork? NetworkOf(string text) =>
        text.Contains('/') ? IPNetwork.TryParse(text, out var network) ? network : null
        : IPAddress.TryParse(text, out var address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
        : null;

    private static (VisitorRule?, string?) ReadBasic(string value)
    {
        var colon = value.IndexOf(':');
        var (user, secret) = colon < 0 ? (value, "") : (value[..colon], value[(colon + 1)..]);
        return user.Length is 0 or > MaxUser || user.Any(char.IsControl) ? (null, $"basic: wants a user of 1 to {MaxUser} characters and a password, as basic:amy:PASSWORD")
            : secret.Length is < PasswordHash.MinLength or > PasswordHash.MaxLength || secret.Any(char.IsControl) ? (null, $"a password of basic: has {PasswordHash.MinLength} to {PasswordHash.MaxLength} characters and no comma")
            : (new(Basic, user, secret), null);
    }
}
