using Duplexity.Server;

namespace Duplexity.Host.Checking;

/// <summary>One setting.</summary>
/// <param name="Path">Its configuration key, such as <c>Duplexity:Times:Carry</c>.</param>
/// <param name="Property">The member of the options that it is.</param>
/// <param name="Value">Its value as the service has it.</param>
/// <param name="Default">Its value where nothing is said.</param>
internal sealed record Setting(string Path, System.Reflection.PropertyInfo Property, object? Value, object? Default)
{
    /// <summary>Whether its value is nobody's to see.</summary>
    public bool IsSecret => Property.Name == nameof(RedisOptions.Connection) || Property.Name.EndsWith("Secret", StringComparison.Ordinal) || Property.Name.EndsWith("Key", StringComparison.Ordinal);

    /// <summary>Whether a configuration key says something of it: its own, or one of a list's places.</summary>
    public bool IsSaidBy(string key) =>
        key.StartsWith(Path, StringComparison.OrdinalIgnoreCase) && (key.Length == Path.Length || (key[Path.Length] == ':' && int.TryParse(key.AsSpan(Path.Length + 1), out _)));
}
