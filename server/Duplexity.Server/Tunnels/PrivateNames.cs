using Duplexity.Protocol;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// The names of private pipes: each client has its own, <c>CLIENT/NAME</c> as a whole, so that nobody takes one from anybody. No host and no port has a slash.
/// </summary>
internal static class PrivateNames
{
    public const char Separator = '/';

    private const int LongestName = 63; // as a label of a hostname

    /// <summary>Whether it is the whole name of a private pipe.</summary>
    public static bool IsPrivate(string name) => name.Contains(Separator);

    /// <summary>The name without its owner.</summary>
    public static string LabelOf(string name) => name[(name.LastIndexOf(Separator) + 1)..];

    /// <summary>What stands for it where a pipe has a URL.</summary>
    public static string UrlOf(string name) => $"duplexity:{Uri.EscapeDataString(name[..name.LastIndexOf(Separator)])}/{LabelOf(name)}";

    /// <summary>The key of a registration, or why it has none. Its owner may write the whole name as well; what is absent is made up.</summary>
    public static (string? Name, DuplexityError? Error) Read(PipeRegistration pipe, string client, Func<string> madeUp)
    {
        var asked = string.IsNullOrWhiteSpace(pipe.Name) ? madeUp().Split('.')[0] : pipe.Name.Trim();
        if (KeyOf(asked, client) is not { } name || !name.StartsWith(client + Separator, StringComparison.Ordinal) || name.LastIndexOf(Separator) != client.Length)
        {
            return (null, Wrong($"'{VisibleText.Of(asked, 128)}' is not the name of a private pipe of yours: a word of 1 to {LongestName} letters, digits and hyphens, such as db."));
        }

        return ResourceText.Read(pipe.Resource) is null
            ? (null, Wrong($"'{VisibleText.Of(pipe.Resource, 128)}' is not a resource: it begins with http://, https://, tcp:// or unix:."))
            : (name, null);
    }

    /// <summary>The key for a name as <paramref name="client"/> writes it: <c>db</c> for its own, <c>amy/db</c> for another's. Null: there can be none.</summary>
    public static string? KeyOf(string asked, string client)
    {
        var at = asked.LastIndexOf(Separator);
        var label = asked[(at + 1)..].ToLowerInvariant();
        var owner = at < 0 ? client : asked[..at];
        return owner.Length is > 0 and <= Address.MaxClientLength && PipeNames.IsLabel(label) ? $"{owner}{Separator}{label}" : null;
    }

    private static DuplexityError Wrong(string sentence) => DuplexityError.Of(Errors.InvalidPipe, sentence);
}
