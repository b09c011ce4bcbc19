using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;
using Duplexity.Server.Sockets;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Auth;

/// <summary>
/// Sign-ins that wait for a person (G1). It is assumed that whoever sent the link is an attacker: tokens go only to the one who waits and proves the verifier, and only after the person's own browser brought
/// the grant to the waiting machine, or the person typed the code that the waiting terminal shows. What is known of one lies sealed in the vault, so that browser and program may come to any node; the program itself waits at
/// one. Bounded per address and node; thread-safe.
/// </summary>
internal sealed class SignIns(IEngine engine, Sealing sealing, OidcProvider provider, Leavings leavings, TimeProvider time, IOptions<DuplexityOptions> options) : ISystemListener
{
    private const string Purpose = "sign-in";
    private const string StatePurpose = "sign-in-state";

    /// <summary>Wrong codes from one address before it has to wait, and for how long those count (G1).</summary>
    private const int WrongCodesPerAddress = 20;

    private readonly ConcurrentDictionary<string, OpenAnswer> _waiting = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<IPAddress, (int Count, DateTimeOffset Since)> _wrong = new();
    private readonly Lock _lock = new();

    /// <inheritdoc/>
    public string Kind => "sign-in";

    /// <summary>Begins to wait; an error where too many wait.</summary>
    public async Task<(OpenAnswer? Waiting, DuplexityError? Error)> BeginAsync(string challenge, int? port, string program, IPAddress address, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var signIn = new SignIn
        {
            Id = Secrets.New(),
            Challenge = challenge,
            Code = Secrets.NewCode(),
            Port = port,
            Program = program,
            Address = address.ToString(),
            BegunAt = now,
            ExpiresAt = now + options.Value.Times.SignIn,
        };
        var waiting = new OpenAnswer(signIn);
        lock (_lock)
        {
            var limits = options.Value.Limits;
            var network = PeerAddresses.NetworkOf(address);
            var own = _waiting.Values.Count(w => PeerAddresses.NetworkOf(w.Begun.AskedFrom).Equals(network));
            if (own >= limits.SignInsPerAddress || _waiting.Count >= limits.SignIns)
            {
                var isOwn = own >= limits.SignInsPerAddress;
                return (null, DuplexityError.Of(Errors.RateLimited, "Too many sign-ins wait for a person; finish or end one first.") with
                {
                    Limit = isOwn ? "sign_ins_per_address" : "sign_ins",
                    Used = isOwn ? own : _waiting.Count,
                    RetryAfterMs = 10_000,
                });
            }

            _waiting[signIn.Id] = waiting;
        }

        try
        {
            await engine.Vault.TryAddAsync(KeyOf(signIn.Id), Seal(signIn), options.Value.Times.SignIn, ct);
            return (waiting, null);
        }
        catch
        {
            _waiting.TryRemove(signIn.Id, out _);
            throw;
        }
    }

    /// <summary>One that waits, at whatever node; null where there is none, or its time is over.</summary>
    public async Task<SignIn?> FindAsync(string? id, CancellationToken ct) => (await ReadAsync(id, ct))?.SignIn;

    /// <summary>Nobody waits for it any more.</summary>
    public async Task EndAsync(OpenAnswer waiting)
    {
        _waiting.TryRemove(waiting.Begun.Id, out _);
        try
        {
            await engine.Vault.TakeAsync(KeyOf(waiting.Begun.Id));
        }
        catch (DuplexityException)
        {
            // The store is away; there it ends by itself.
        }
    }

    /// <summary>Looks whether there is something to tell the program: of what another node did and could not tell this one.</summary>
    public async Task LookAsync(OpenAnswer waiting, CancellationToken ct) => waiting.See(await FindAsync(waiting.Begun.Id, ct));

    /// <inheritdoc/>
    public async ValueTask<int> HearAsync(string text)
    {
        if (!_waiting.TryGetValue(text, out var waiting))
        {
            return 0;
        }

        await LookAsync(waiting, CancellationToken.None);
        return 1;
    }

    /// <inheritdoc/>
    public async ValueTask RereadAsync()
    {
        foreach (var waiting in _waiting.Values)
        {
            await LookAsync(waiting, CancellationToken.None);
        }
    }

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

        await engine.Vault.TryAddAsync($"state:{hash}", sealing.Seal(StatePurpose, JsonSerializer.Serialize(attempt)), options.Value.Times.SignIn, ct);
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

        var left = JsonSerializer.Deserialize<Leaving>(text)!;
        return cookie is not null && Secrets.AreSame(left.Cookie, Secrets.Hash(cookie)) ? left : null;
    }

    /// <summary>A person came back in a browser: nothing is given to anybody yet. Null where nobody waits, or too many came.</summary>
    public async Task<(SignIn SignIn, Attempt Attempt)?> ArriveAsync(string? id, Person person, string cookie, CancellationToken ct)
    {
        var attempt = new Attempt(Secrets.New(), person, Secrets.Hash(cookie), Secrets.New());
        var after = await ChangeAsync(id, signIn => signIn.Arrive(attempt), ct);
        return after?.Attempts.Contains(attempt) == true ? (after, attempt) : null;
    }

    /// <summary>Checks a typed code. Five wrong ones void the sign-in; twenty from one address, and it has to wait.</summary>
    public async Task<CodeOutcome> TryAsync(SignIn signIn, Attempt attempt, string? typed, IPAddress address, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        address = PeerAddresses.NetworkOf(address);
        if (_wrong.TryGetValue(address, out var wrong) && wrong.Count >= WrongCodesPerAddress && now - wrong.Since < options.Value.Times.SignIn)
        {
            return CodeOutcome.TooMany;
        }

        if (Secrets.AreSame(Secrets.Typed(typed), signIn.Code))
        {
            return await ChangeAsync(signIn.Id, there => there.Approve(attempt), ct) is { IsOver: false } ? CodeOutcome.Right : CodeOutcome.Void;
        }

        if (_wrong.Count > options.Value.Limits.SignIns)
        {
            foreach (var (old, _) in _wrong.Where(w => now - w.Value.Since >= options.Value.Times.SignIn))
            {
                _wrong.TryRemove(old, out _);
            }
        }

        _wrong.AddOrUpdate(address, (1, now), (_, there) => now - there.Since >= options.Value.Times.SignIn ? (1, now) : (there.Count + 1, there.Since));
        return await ChangeAsync(signIn.Id, there => there.CountWrongCode(), ct) is { IsOver: false } ? CodeOutcome.Wrong : CodeOutcome.Void;
    }

    /// <summary>Who waits proves that it is the one who asked, by the verifier, and with the grant if its machine got one: then the tokens go down the open answer. Once.</summary>
    public async Task<bool> ProveAsync(string? id, string? verifier, string? grant, CancellationToken ct)
    {
        var isProved = false;
        var after = await ChangeAsync(id, signIn =>
        {
            var person = signIn.Proved(verifier, grant);
            isProved = person is not null;
            return person is null ? signIn.CountWrongProof() : signIn.Finish(person);
        }, ct);
        return isProved && after is not null;
    }

    /// <summary>Changes a sign-in in one step, wherever it waits, and has the waiting node look at it where the program is to be told. Returns what is there then; null where there is none.</summary>
    private async Task<SignIn?> ChangeAsync(string? id, Func<SignIn, SignIn> change, CancellationToken ct)
    {
        while (await ReadAsync(id, ct) is var (text, before))
        {
            var after = change(before);
            if (ReferenceEquals(after, before))
            {
                return before;
            }

            if (await engine.Vault.TryReplaceAsync(KeyOf(after.Id), text, Seal(after), ct))
            {
                if (after.IsOver || after.Approved != before.Approved)
                {
                    await TellAsync(after.Id, ct);
                }

                return after;
            }
        }

        return null;
    }

    private async Task TellAsync(string id, CancellationToken ct)
    {
        try
        {
            await engine.SystemLog.TellAsync(Kind, id, TimeSpan.Zero, ct);
        }
        catch (DuplexityException)
        {
            // It is written, and the node where the program waits looks by itself every few seconds.
        }
    }

    private async Task<(string Text, SignIn SignIn)?> ReadAsync(string? id, CancellationToken ct) =>
        id is { Length: > 0 and < 100 } && await engine.Vault.ReadAsync(KeyOf(id), ct) is { } text && sealing.Open(Purpose, text) is { } json
        && JsonSerializer.Deserialize<SignIn>(json)! is var signIn && time.GetUtcNow() < signIn.ExpiresAt
            ? (text, signIn)
            : null;

    private string Seal(SignIn signIn) => sealing.Seal(Purpose, JsonSerializer.Serialize(signIn));

    private static string KeyOf(string id) => $"sign-in:{Secrets.Hash(id)}";

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
internal sealed record PageRedirect(string Uri, string? State, string Challenge)
{
    /// <summary>The hostname of the public pipe whose visitor it is; null: it is an application's page.</summary>
    public string? Pipe { get; init; }

    /// <summary>Whose pipe that is.</summary>
    public string? Owner { get; init; }
}

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
