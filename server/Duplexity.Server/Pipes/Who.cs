using System.Diagnostics.CodeAnalysis;
using System.Security.Claims;

namespace Duplexity.Server.Pipes;

/// <summary>Who may do something: the words of <see cref="RoomOptions"/>, read once. Immutable.</summary>
internal sealed class Who
{
    /// <summary>The most words of one list.</summary>
    public const int MaxWords = 100;

    /// <summary>Everybody.</summary>
    public const string All = "*";

    /// <summary>Nobody.</summary>
    public const string None = "nobody";

    /// <summary>Who made the room by hand, or whose feed it is.</summary>
    public const string Owner = "owner";

    private const string RoleWord = "role:";
    private const string ClientWord = "client:";

    private readonly string[] _roles;
    private readonly string[] _clients;
    private readonly bool _isAll;
    private readonly bool _isOwner;

    private Who(IEnumerable<string> words)
    {
        string[] all = [.. words];
        _isAll = all.Contains(All);
        _isOwner = all.Contains(Owner);
        _roles = [.. all.Where(w => w.StartsWith(RoleWord, StringComparison.Ordinal)).Select(w => w[RoleWord.Length..])];
        _clients = [.. all.Where(w => w.StartsWith(ClientWord, StringComparison.Ordinal)).Select(w => w[ClientWord.Length..])];
    }

    /// <summary>Everybody, for lists that are left out.</summary>
    public static Who Everybody { get; } = new([All]);

    /// <summary>Reads a list; null is null: it says nothing. False, with what is wrong with it, where it cannot be read.</summary>
    public static bool TryRead(IReadOnlyCollection<string?>? words, out Who? who, [NotNullWhen(false)] out string? problem)
    {
        (who, problem) = (null, null);
        if (words is null)
        {
            return true;
        }

        if (words.Count > MaxWords)
        {
            problem = $"has {words.Count} words; at most {MaxWords} are possible";
            return false;
        }

        foreach (var word in words)
        {
            if (!IsWord(word))
            {
                problem = $"has \"{VisibleText.Of(word ?? "", 64)}\", which says nobody: use *, nobody, owner, role:NAME or client:PATTERN";
                return false;
            }
        }

        who = new(words!);
        return true;
    }

    /// <summary>Whether a client is one of them.</summary>
    /// <param name="client">The CID.</param>
    /// <param name="principal">Its claims, for its roles.</param>
    /// <param name="owner">Who <c>owner</c> is; null: nobody.</param>
    public bool Allows(string client, ClaimsPrincipal? principal, string? owner) => _isAll
        || (_isOwner && client == owner)
        || Pattern.AnyMatches(_clients, client)
        || (_roles.Length > 0 && principal?.HasClaim(c => c.Type is "role" or "roles" && _roles.Contains(c.Value)) == true);

    private static bool IsWord(string? word) => word is All or None or Owner
        || IsNamed(word, RoleWord)
        || IsNamed(word, ClientWord);

    private static bool IsNamed(string? word, string kind) =>
        word is { Length: <= Pattern.MaxLength } && word.Length > kind.Length && word.StartsWith(kind, StringComparison.Ordinal) && !word.Any(c => char.IsControl(c) || char.IsWhiteSpace(c));
}
