using System.Collections.Concurrent;
using System.Net;
using System.Threading.Channels;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>
/// Sign-ins that wait for a person (G1). It is assumed that whoever sent the link is an attacker: tokens go only to the one who waits and proves the verifier, and only after the person's own browser brought
/// the grant to the waiting machine, or the person typed the code that the waiting terminal shows. Bounded per address and node; thread-safe.
/// </summary>
internal sealed class SignIns(IEngine engine, Sealing sealing, OidcProvider provider, Leavings leavings, TimeProvider time, IOptions<DuplexityOptions> options)
{
    private const string StatePurpose = "sign-in-state";

    /// <summary>Wrong codes from one address before it has to wait, and for how long those count (G1).</summary>
    private const int WrongCodesPerAddress = 20;

    private readonly ConcurrentDictionary<string, SignIn> _waiting = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<IPAddress, (int Count, DateTimeOffset Since)> _wrong = new();
    private readonly Lock _lock = new();

    /// <summary>Begins to wait; an error where too many wait.</summary>
    public DuplexityError? Begin(string challenge, int? port, string program, IPAddress address, out SignIn? signIn)
    {
        signIn = null;
        lock (_lock)
        {
            var limits = options.Value.Limits;
            var network = PeerAddresses.NetworkOf(address);
            var own = _waiting.Values.Count(s => PeerAddresses.NetworkOf(s.Address).Equals(network));
            if (own >= limits.SignInsPerAddress || _waiting.Count >= limits.SignIns)
            {
                var isOwn = own >= limits.SignInsPerAddress;
                return DuplexityError.Of(Errors.RateLimited, "Too many sign-ins wait for a person; finish or end one first.") with
                {
                    Limit = isOwn ? "sign_ins_per_address" : "sign_ins",
                    Used = isOwn ? own : _waiting.Count,
                    RetryAfterMs = 10_000,
                };
            }

            signIn = new SignIn(Secrets.New(), challenge, Secrets.NewCode(), port, program, address, time.GetUtcNow(), time.GetUtcNow() + options.Value.Times.SignIn);
            _waiting[signIn.Id] = signIn;
            return null;
        }
    }

    /// <summary>One that waits; null where there is none, or its time is over.</summary>
    public SignIn? Find(string? id) => id is not null && _waiting.TryGetValue(id, out var signIn) && time.GetUtcNow() < signIn.ExpiresAt ? signIn : null;

    /// <summary>Nobody waits for it any more.</summary>
    public void End(SignIn signIn) => _waiting.TryRemove(signIn.Id, out _);

    /// <summary>Sends a browser to the provider, for a sign-in or for a page (<paramref name="redirect"/>). Returns where to; an error where the provider is away or too many have left. What comes back is bound to the browser by <paramref name="cookie"/>.</summary>
    public async Task<(string? Address, DuplexityError? Error)> LeaveAsync(string? signInId, PageRedirect? redirect, string cookie, string callback, IPAddress address, CancellationToken ct)
    {
        var attempt = new Leaving(signInId, redirect, Secrets.Hash(cookie), Secrets.New(), Secrets.New(), callback);
        var state = Secrets.New();
        if (await provider.AuthorizeAsync(callback, state, attempt.Nonce, attempt.Verifier, ct) is not { } target)
        {
            return (null, DuplexityError.Of(Errors.Unavailable, "The OpenID provider does not answer. Try again in a minute; who is signed in already is not concerned."));
        }

        var hash = Secrets.Hash(state);
        if (leavings.Add(hash, address) is { } tooMany)
        {
            return (null, tooMany);
        }

        await engine.Vault.TryAddAsync($"state:{hash}", sealing.Seal(StatePurpose, System.Text.Json.JsonSerializer.Serialize(attempt)), options.Value.Times.SignIn, ct);
        return (target, null);
    }

    /// <summary>What a state stands for: once, and only in the browser that left with it.</summary>
    public async Task<Leaving?> ReturnAsync(string? state, string? cookie, CancellationToken ct)
    {
        if (state is not { Length: > 0 and < 256 } || Secrets.Hash(state) is not { } hash || sealing.Open(StatePurpose, await engine.Vault.TakeAsync($"state:{hash}", ct)) is not { } text)
        {
            return null;
        }

        leavings.Remove(hash);

        var left = System.Text.Json.JsonSerializer.Deserialize<Leaving>(text)!;
        return cookie is not null && Secrets.AreSame(left.Cookie, Secrets.Hash(cookie)) ? left : null;
    }

    /// <summary>Checks a typed code. Five wrong ones void the sign-in; twenty from one address, and it has to wait.</summary>
    public CodeOutcome Try(SignIn signIn, Attempt attempt, string? typed, IPAddress address)
    {
        var now = time.GetUtcNow();
        address = PeerAddresses.NetworkOf(address);
        if (_wrong.TryGetValue(address, out var wrong) && wrong.Count >= WrongCodesPerAddress && now - wrong.Since < options.Value.Times.SignIn)
        {
            return CodeOutcome.TooMany;
        }

        if (Secrets.AreSame(Secrets.Typed(typed), signIn.Code))
        {
            return signIn.Approve(attempt) ? CodeOutcome.Right : CodeOutcome.Void;
        }

        if (_wrong.Count > options.Value.Limits.SignIns)
        {
            foreach (var (old, _) in _wrong.Where(w => now - w.Value.Since >= options.Value.Times.SignIn))
            {
                _wrong.TryRemove(old, out _);
            }
        }

        _wrong.AddOrUpdate(address, (1, now), (_, there) => now - there.Since >= options.Value.Times.SignIn ? (1, now) : (there.Count + 1, there.Since));
        if (signIn.CountWrongCode())
        {
            End(signIn);
            return CodeOutcome.Void;
        }

        return CodeOutcome.Wrong;
    }

    /// <summary>What a browser left with, sealed until it is back.</summary>
    /// <param name="SignIn">The sign-in that waits; null: a page wants to know.</param>
    /// <param name="Redirect">Where the page is.</param>
    /// <param name="Cookie">The hash of the browser's cookie.</param>
    /// <param name="Nonce">What the ID token must repeat.</param>
    /// <param name="Verifier">What the code is redeemed with.</param>
    /// <param name="Callback">Where the provider sends it.</param>
    internal sealed record Leaving(string? SignIn, PageRedirect? Redirect, string Cookie, string Nonce, string Verifier, string Callback);
}

/// <summary>Where a page of an application gets its code.</summary>
/// <param name="Uri">Its address, of an origin that may use the service.</param>
/// <param name="State">Its own state, given back as it is.</param>
/// <param name="Challenge">The hash of its verifier.</param>
internal sealed record PageRedirect(string Uri, string? State, string Challenge);

/// <summary>What became of a typed code.</summary>
internal enum CodeOutcome
{
    Right,
    Wrong,

    /// <summary>The sign-in is over.</summary>
    Void,

    /// <summary>Too many wrong ones from that address.</summary>
    TooMany,
}

/// <summary>A person who came back from the provider in one browser, for one sign-in.</summary>
internal sealed record Attempt(string Id, Person Person, string Cookie, string Grant);

/// <summary>One sign-in that waits. Thread-safe.</summary>
internal sealed class SignIn(string id, string challenge, string code, int? port, string program, IPAddress address, DateTimeOffset begunAt, DateTimeOffset expiresAt)
{
    /// <summary>How many browsers may come back for one.</summary>
    public const int Browsers = 20;

    private const int WrongCodes = 5;
    private const int WrongProofs = 20;

    private readonly Lock _lock = new();
    private readonly List<Attempt> _attempts = [];
    private readonly Channel<SignInEvent> _events = Channel.CreateBounded<SignInEvent>(8);
    private Attempt? _approved;
    private int _wrongCodes;
    private int _wrongProofs;
    private bool _isOver;

    public string Id { get; } = id;

    /// <summary>What the terminal shows and the person types.</summary>
    public string Code { get; } = code;

    /// <summary>Where the waiting program listens on its own machine; null: nowhere.</summary>
    public int? Port { get; } = port;

    /// <summary>What the program calls itself.</summary>
    public string Program { get; } = program;

    /// <summary>Where it asked from.</summary>
    public IPAddress Address { get; } = address;

    public DateTimeOffset BegunAt { get; } = begunAt;

    public DateTimeOffset ExpiresAt { get; } = expiresAt;

    /// <summary>What the one who waits is told.</summary>
    public ChannelReader<SignInEvent> Events => _events.Reader;

    /// <summary>A person came back in a browser: nothing is given to anybody yet. Null where too many did.</summary>
    public Attempt? Arrive(Person person, string cookie)
    {
        lock (_lock)
        {
            if (_isOver || _attempts.Count >= Browsers)
            {
                return null;
            }

            var attempt = new Attempt(Secrets.New(), person, Secrets.Hash(cookie), Secrets.New());
            _attempts.Add(attempt);
            return attempt;
        }
    }

    /// <summary>The attempt of this browser; null where it is none of its own.</summary>
    public Attempt? Find(string? attemptId, string? cookie)
    {
        lock (_lock)
        {
            return cookie is null ? null : _attempts.Find(a => Secrets.AreSame(a.Id, attemptId) && Secrets.AreSame(a.Cookie, Secrets.Hash(cookie)));
        }
    }

    /// <summary>The person typed the code in this browser; false where the sign-in is over.</summary>
    public bool Approve(Attempt attempt)
    {
        lock (_lock)
        {
            if (_isOver)
            {
                return false;
            }

            _approved = attempt;
            _events.Writer.TryWrite(new(SignInEvent.Approved));
            return true;
        }
    }

    /// <summary>True when that was one too many, and the sign-in is over.</summary>
    public bool CountWrongCode()
    {
        lock (_lock)
        {
            return ++_wrongCodes >= WrongCodes && FinishUnsynchronized(null, DuplexityError.Of(Errors.Denied, "A wrong code was typed five times; begin again."));
        }
    }

    /// <summary>Who waits proves that it is the one who asked, by the verifier, and with the grant if its machine got one: then the tokens go down the open answer. Once.</summary>
    public bool Prove(string? verifier, string? grant)
    {
        lock (_lock)
        {
            var attempt = grant is null ? _approved : _attempts.Find(a => Secrets.AreSame(a.Grant, grant));
            if (!_isOver && attempt is not null && verifier is { Length: >= 43 and <= 128 } && Secrets.AreSame(Secrets.Hash(verifier), challenge))
            {
                return FinishUnsynchronized(attempt.Person, null);
            }

            if (++_wrongProofs >= WrongProofs)
            {
                FinishUnsynchronized(null, DuplexityError.Of(Errors.Denied, "The sign-in could not be proved; begin again."));
            }

            return false;
        }
    }

    private bool FinishUnsynchronized(Person? person, DuplexityError? error)
    {
        if (!_isOver)
        {
            _isOver = true;
            _events.Writer.TryWrite(new(person is null ? SignInEvent.Failed : SignInEvent.Tokens, person, error));
            _events.Writer.TryComplete();
        }

        return true;
    }
}

/// <summary>What the one who waits is told.</summary>
internal sealed record SignInEvent(string Name, Person? Person = null, DuplexityError? Error = null)
{
    public const string Approved = "approved";
    public const string Tokens = "tokens";
    public const string Failed = "failed";
}
