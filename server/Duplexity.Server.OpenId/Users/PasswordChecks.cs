using System.Net;
using Duplexity.Server.OpenId.Storage;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.OpenId.Users;

/// <summary>What became of a name and a password.</summary>
internal enum PasswordOutcome
{
    Right,

    /// <summary>Unknown, wrong, disabled, locked out or without a password: nobody is told which.</summary>
    Refused,

    /// <summary>Too many wrong ones from that address.</summary>
    TooMany,

    /// <summary>Too many wait for theirs to be checked.</summary>
    Busy,
}

/// <summary>
/// Checks passwords: one hash for each try, whoever it is for (G25), a few at a time and a bounded number in line, for hashing is made costly on purpose. Not Identity's own sign-in: that hashes nothing for an unknown
/// name, and loses counts where tries come side by side. Thread-safe.
/// </summary>
internal sealed class PasswordChecks(IPasswordHasher<OpenIdUser> hasher, FailedAttempts failures, TimeProvider time, IOptions<OpenIdOptions> options, ILogger<PasswordChecks> logger) : IDisposable
{
    /// <summary>Rounds of PBKDF2 with HMAC-SHA512, as the OWASP cheat sheet of 2023 has it; Identity's default is less than half of that.</summary>
    public const int Iterations = 210_000;

    private const int MaxPassword = 1024;

    // As many as there are processors: more at once make each slower, and a flood of them nothing else possible.
    private readonly SemaphoreSlim _turns = new(Environment.ProcessorCount, Environment.ProcessorCount);
    private int _waiting;

    public async Task<(PasswordOutcome Outcome, OpenIdUser? User)> CheckAsync(OpenIdContext context, ILookupNormalizer names, string? name, string? password, IPAddress address, CancellationToken ct)
    {
        if (failures.IsExhausted(address))
        {
            Log.SignInRefused(logger, address, "too many wrong passwords");
            return (PasswordOutcome.TooMany, null);
        }

        if (!await EnterAsync(ct))
        {
            Log.SignInRefused(logger, address, "too many wait");
            return (PasswordOutcome.Busy, null);
        }

        try
        {
            // Again: others of the same address were tried in the meantime.
            return failures.IsExhausted(address) ? (PasswordOutcome.TooMany, null) : await TryAsync(context, Normal(names, name), password ?? "", address, ct);
        }
        finally
        {
            _turns.Release();
        }
    }

    public void Dispose() => _turns.Dispose();

    /// <summary>A name as it is looked up; one that has no normal form is nobody's.</summary>
    private static string Normal(ILookupNormalizer names, string? name)
    {
        try
        {
            return names.NormalizeName(name ?? "");
        }
        catch (ArgumentException)
        {
            return "";
        }
    }

    private async Task<bool> EnterAsync(CancellationToken ct)
    {
        try
        {
            if (Interlocked.Increment(ref _waiting) > options.Value.Waiting)
            {
                return false;
            }

            using var late = new CancellationTokenSource(options.Value.Wait, time);
            using var ends = CancellationTokenSource.CreateLinkedTokenSource(late.Token, ct);
            await _turns.WaitAsync(ends.Token);
            return true;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return false;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    private async Task<(PasswordOutcome, OpenIdUser?)> TryAsync(OpenIdContext context, string name, string password, IPAddress address, CancellationToken ct)
    {
        // Both rows in one question, so that it takes as long with one as with two.
        var found = await context.Users.AsNoTracking().Where(u => u.NormalizedUserName == name || u.Id == Decoy.Id).ToListAsync(ct);
        var decoy = found.Single(u => u.Id == Decoy.Id);
        var user = found.FirstOrDefault(u => u.Id != Decoy.Id);
        var counted = user ?? decoy;
        var hash = user is { PasswordHash: { } own } ? own : decoy.PasswordHash!;
        var verified = password.Length <= MaxPassword ? hasher.VerifyHashedPassword(counted, hash, password) : PasswordVerificationResult.Failed;
        var isRight = verified != PasswordVerificationResult.Failed && user is { IsActive: true, PasswordHash: not null } && user.LockedUntil <= time.GetUtcNow().ToUnixTimeMilliseconds();
        if (!isRight)
        {
            failures.Count(address);
            await CountAsync(context, counted.Id, ct);
            Log.SignInRefused(logger, address, "the name or the password is wrong, or the user may not sign in");
            return (PasswordOutcome.Refused, null);
        }

        if (user!.AccessFailedCount > 0 || verified == PasswordVerificationResult.SuccessRehashNeeded)
        {
            // Only over the hash that was right: another may have taken its place in the meantime.
            var next = verified == PasswordVerificationResult.SuccessRehashNeeded ? hasher.HashPassword(user, password) : hash;
            await context.Users.Where(u => u.Id == user.Id && u.PasswordHash == hash)
                .ExecuteUpdateAsync(set => set.SetProperty(u => u.AccessFailedCount, 0).SetProperty(u => u.PasswordHash, next), ct);
        }

        return (PasswordOutcome.Right, user);
    }

    /// <summary>Counts in the database, in one step: of tries side by side none is lost. A lock-out that runs is not made longer.</summary>
    private Task CountAsync(OpenIdContext context, string id, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var (at, until, most) = (now.ToUnixTimeMilliseconds(), (now + options.Value.LockOut).ToUnixTimeMilliseconds(), options.Value.Failures);
        return context.Users.Where(u => u.Id == id).ExecuteUpdateAsync(
            set => set
                .SetProperty(u => u.LockedUntil, u => u.LockedUntil <= at && u.AccessFailedCount + 1 >= most ? until : u.LockedUntil)
                .SetProperty(u => u.AccessFailedCount, u => u.LockedUntil > at ? u.AccessFailedCount : u.AccessFailedCount + 1 >= most ? 0 : u.AccessFailedCount + 1),
            ct);
    }
}
