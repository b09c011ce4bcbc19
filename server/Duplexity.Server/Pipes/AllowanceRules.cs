namespace Duplexity.Server.Pipes;

/// <summary>Allowances in force, everything counted in: what a gate asks. Immutable.</summary>
internal sealed class AllowanceRules
{
    /// <summary>Stands for every client where one is named.</summary>
    public const string Everybody = "*";

    /// <summary>The window of rates whose allowances name none.</summary>
    public static readonly TimeSpan DefaultWindow = TimeSpan.FromSeconds(10);

    private readonly bool _sendsAll;
    private readonly bool _receivesAll;

    /// <summary>Rules of allowances in which each scope says something.</summary>
    public AllowanceRules(Allowances allowances)
    {
        Shown = allowances;
        Limits = allowances.Limits ?? new();
        Window = Limits.WindowMs is { } ms ? TimeSpan.FromMilliseconds(ms) : DefaultWindow;
        _sendsAll = Array.IndexOf(allowances.Send ?? [], "*") >= 0;
        _receivesAll = Array.IndexOf(allowances.Receive ?? [], "*") >= 0;
    }

    /// <summary>As clients see them.</summary>
    public Allowances Shown { get; }

    public AllowanceLimits Limits { get; }

    /// <summary>The window of the rates.</summary>
    public TimeSpan Window { get; }

    public bool MaySend(Address address) => _sendsAll || Covers(Shown.Send, address.ToString());

    public bool MayReceive(Address address) => _receivesAll || Covers(Shown.Receive, address.ToString());

    public bool MayJoin(Address address) => Covers(Shown.Join, address.ToString());

    /// <summary>Whether a public name may be registered: the whole hostname (or <c>:PORT</c>), or its label where it is one under the server's own domain.</summary>
    public bool MayPublish(string name, string? label) => Covers(Shown.Publish, name) || (label is not null && Covers(Shown.Publish, label));

    /// <summary>Whether a client, its sockets, pipes, tokens and keys may be administered.</summary>
    public bool MayAdminister(string client) => Covers(Shown.Administer, $"client:{client}");

    /// <summary>Whether everybody may be administered.</summary>
    public bool MayAdministerAll => MayAdminister(Everybody);

    /// <summary>What is said where a client (<c>*</c>: everybody) may not be administered; null: it may.</summary>
    public DuplexityError? DeniesAdministering(string client) => MayAdminister(client)
        ? null
        : DuplexityError.Of(Errors.Denied, $"This client may not administer client:{VisibleText.Of(client, Address.MaxClientLength)}.");

    /// <summary>The same, less what <paramref name="narrowed"/> leaves out.</summary>
    public AllowanceRules Narrow(Allowances? narrowed) => narrowed is null ? this : new(AllowanceSets.Intersection(Shown, narrowed));

    private static bool Covers(string[]? patterns, string text) => patterns is not null && Pattern.AnyMatches(patterns, text);
}
