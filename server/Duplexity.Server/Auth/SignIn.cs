using System.Net;
using System.Text.Json.Serialization;

namespace Duplexity.Server.Auth;

/// <summary>A person who came back from the provider in one browser, for one sign-in.</summary>
internal sealed record Attempt(string Id, Person Person, string Cookie, string Grant);

/// <summary>One sign-in that waits, as all nodes know it. What happens to it makes another.</summary>
internal sealed record SignIn
{
    /// <summary>How many browsers may come back for one.</summary>
    public const int Browsers = 20;

    private const int MostWrongCodes = 5;
    private const int MostWrongProofs = 20;

    public required string Id { get; init; }

    /// <summary>The hash of the verifier of the one who asked.</summary>
    public required string Challenge { get; init; }

    /// <summary>What the terminal shows and the person types.</summary>
    public required string Code { get; init; }

    /// <summary>Where the waiting program listens on its own machine; null: nowhere.</summary>
    public int? Port { get; init; }

    /// <summary>What the program calls itself.</summary>
    public required string Program { get; init; }

    /// <summary>Where it asked from.</summary>
    public required string Address { get; init; }

    public required DateTimeOffset BegunAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>Who came back, in which browsers.</summary>
    public IReadOnlyList<Attempt> Attempts { get; init; } = [];

    /// <summary>In which browser the code was typed last; null: in none.</summary>
    public string? Approved { get; init; }

    public int WrongCodes { get; init; }

    public int WrongProofs { get; init; }

    /// <summary>Whether nothing more happens: it was proved, or given up.</summary>
    public bool IsOver { get; init; }

    /// <summary>Whose tokens the program gets; null: nobody's.</summary>
    public Person? Person { get; init; }

    /// <summary>Why it was given up.</summary>
    public DuplexityError? Error { get; init; }

    [JsonIgnore]
    public IPAddress AskedFrom => IPAddress.Parse(Address);

    /// <summary>A person came back; nothing is given to anybody yet. One too many changes nothing.</summary>
    public SignIn Arrive(Attempt attempt) => IsOver || Attempts.Count >= Browsers ? this : this with { Attempts = [.. Attempts, attempt] };

    /// <summary>The attempt of this browser; null where it is none of its own.</summary>
    public Attempt? Find(string? attemptId, string? cookie) =>
        cookie is null ? null : Attempts.FirstOrDefault(a => Secrets.AreSame(a.Id, attemptId) && Secrets.AreSame(a.Cookie, Secrets.Hash(cookie)));

    /// <summary>The person typed the code in this browser.</summary>
    public SignIn Approve(Attempt attempt) => IsOver ? this : this with { Approved = attempt.Id };

    /// <summary>The fifth ends it.</summary>
    public SignIn CountWrongCode() =>
        IsOver ? this
        : WrongCodes + 1 < MostWrongCodes ? this with { WrongCodes = WrongCodes + 1 }
        : Finish(null, "A wrong code was typed five times; begin again.");

    /// <summary>Who it is that the verifier, with the grant if there is one, gives the tokens of; null: nobody.</summary>
    public Person? Proved(string? verifier, string? grant) =>
        IsOver || verifier is not { Length: >= 43 and <= 128 } || !Secrets.AreSame(Secrets.Hash(verifier), Challenge) ? null
        : Attempts.FirstOrDefault(a => grant is null ? a.Id == Approved : Secrets.AreSame(a.Grant, grant))?.Person;

    /// <summary>The twentieth ends it.</summary>
    public SignIn CountWrongProof() =>
        IsOver ? this
        : WrongProofs + 1 < MostWrongProofs ? this with { WrongProofs = WrongProofs + 1 }
        : Finish(null, "The sign-in could not be proved; begin again.");

    /// <summary>It is over, with somebody's tokens or with a reason.</summary>
    public SignIn Finish(Person? person, string? reason = null) =>
        this with { IsOver = true, Person = person, Attempts = [], Error = reason is null ? null : DuplexityError.Of(Errors.Denied, reason) };
}
