using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Duplexity.Server.Auth;

/// <summary>Random values that stand for somebody, and what is kept of them.</summary>
internal static class Secrets
{
    // Without vowels, so that no word comes about, and without what is mistaken for something else on paper or by telephone.
    private const string CodeLetters = "BCDFGHJKLMNPQRSTVWXZ";

    /// <summary>256 random bits, to be put into a header, a form or an address.</summary>
    public static string New() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>Eight letters for a person to type, as <c>BCDF-GHJK</c>: 34 bits, which five tries in ten minutes do not dent.</summary>
    public static string NewCode() => RandomNumberGenerator.GetString(CodeLetters, 8).Insert(4, "-");

    /// <summary>A typed code as it was shown, whatever case, blanks and hyphens it was typed with.</summary>
    public static string Typed(string? text) =>
        new string([.. (text ?? "").ToUpperInvariant().Where(char.IsAsciiLetterUpper).Take(9)]) is { Length: 8 } letters ? letters.Insert(4, "-") : "";

    /// <summary>What is stored of a secret of 256 random bits. No salt and no slow hash: there is nothing to guess.</summary>
    public static string Hash(string secret) => Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    /// <summary>Compares without telling by time how much was right.</summary>
    public static bool AreSame(string? one, string? other) =>
        one is not null && other is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(one), Encoding.UTF8.GetBytes(other));
}
