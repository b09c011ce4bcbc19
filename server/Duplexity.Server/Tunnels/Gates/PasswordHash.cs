using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>What is kept of a password of a visitor gate: a salted hash that takes its time, so that whoever reads the registry guesses few of them (G18).</summary>
internal static class PasswordHash
{
    public const int MinLength = 8;
    public const int MaxLength = 256;

    private const string Prefix = "pbkdf2-sha512$";
    private const int Bytes = 32;

    /// <summary>What OWASP asks of PBKDF2 with SHA-512: some 100 ms of a core.</summary>
    private const int Iterations = 210_000;

    /// <summary>The hash of a password; a text that is a hash already stays as it is.</summary>
    public static string Of(string password)
    {
        if (IsHash(password))
        {
            return password;
        }

        var salt = RandomNumberGenerator.GetBytes(16);
        return string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Iterations}${Base64Url.EncodeToString(salt)}${Base64Url.EncodeToString(Derive(password, salt, Iterations))}");
    }

    /// <summary>Whether a text is a hash of ours, made with as much work.</summary>
    public static bool IsHash(string text) => TryRead(text, out _, out _, out _);

    /// <summary>Whether a password is the one.</summary>
    public static bool Fits(string hash, string password) =>
        TryRead(hash, out var iterations, out var salt, out var derived) && CryptographicOperations.FixedTimeEquals(derived, Derive(password, salt, iterations));

    private static byte[] Derive(string password, byte[] salt, int iterations) => Rfc2898DeriveBytes.Pbkdf2(password, salt, iterations, HashAlgorithmName.SHA512, Bytes);

    private static bool TryRead(string text, out int iterations, out byte[] salt, out byte[] derived)
    {
        (iterations, salt, derived) = (0, [], []);
        if (!text.StartsWith(Prefix, StringComparison.Ordinal) || text[Prefix.Length..].Split('$') is not [var count, var saltText, var derivedText] || count != Iterations.ToString(CultureInfo.InvariantCulture)
            || !Base64Url.IsValid(saltText) || !Base64Url.IsValid(derivedText))
        {
            return false;
        }

        (iterations, salt, derived) = (Iterations, Base64Url.DecodeFromChars(saltText), Base64Url.DecodeFromChars(derivedText));
        return salt.Length == 16 && derived.Length == Bytes;
    }
}
