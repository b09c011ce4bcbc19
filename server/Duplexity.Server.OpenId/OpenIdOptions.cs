namespace Duplexity.Server;

/// <summary>Settings of the embedded OpenID provider, each with its default and the reason for it: the configuration section <c>Duplexity:OpenId</c>. Read once at start.</summary>
public sealed class OpenIdOptions
{
    /// <summary>The configuration section: <c>Duplexity:OpenId</c>.</summary>
    public const string Section = "Duplexity:OpenId";

    /// <summary>Further programs that may let people sign in here, by their client id. Defaults to none: only the service itself.</summary>
    public IDictionary<string, OpenIdClient> Clients { get; } = new Dictionary<string, OpenIdClient>();

    /// <summary>How many characters a password has at least. Defaults to 10; nothing is asked of what they are, as NIST SP 800-63B advises.</summary>
    public int PasswordLength { get; set; } = 10;

    /// <summary>Wrong passwords in a row after which a user is locked out. Defaults to 5.</summary>
    public int Failures { get; set; } = 5;

    /// <summary>How long a user is locked out. Defaults to 15 min.</summary>
    public TimeSpan LockOut { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>Wrong passwords from one address (of IPv6, one network of 64 bits) within <see cref="LockOut"/> before it has to wait. Defaults to 20, as wrong codes.</summary>
    public int FailuresPerAddress { get; set; } = 20;

    /// <summary>Sign-ins that wait for their password to be checked, on this node: checking is made costly on purpose. Defaults to 1,000 (G24).</summary>
    public int Waiting { get; set; } = 1_000;

    /// <summary>How long a sign-in waits for that before it is told to come later. Defaults to 30 s.</summary>
    public TimeSpan Wait { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an invitation is good. Defaults to 24 h: it is mailed, and read the next morning.</summary>
    public TimeSpan Invitation { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How long the link for the first administrator is good. Defaults to 1 h: it stands in a terminal, and a restart prints another.</summary>
    public TimeSpan FirstAdministrator { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How long a browser stays signed in at the provider. Defaults to 12 h, a working day; programs stay signed in by themselves.</summary>
    public TimeSpan Session { get; set; } = TimeSpan.FromHours(12);
}

/// <summary>A program that lets people sign in at the embedded provider: <c>Duplexity:OpenId:Clients:ID</c>. People are asked whether they want that.</summary>
public sealed class OpenIdClient
{
    /// <summary>What people are told it is called. Defaults to its client id.</summary>
    public string? Name { get; set; }

    /// <summary>Its secret, at least 32 characters; null for a program that cannot keep one. PKCE is needed either way.</summary>
    public string? Secret { get; set; }

    /// <summary>The addresses to which people are sent back, byte for byte: https, or http on a loopback address.</summary>
    public IList<string> Redirects { get; } = [];
}
