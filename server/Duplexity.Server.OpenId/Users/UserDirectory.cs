using System.Text;
using Duplexity.Server.Auth;
using Duplexity.Server.OpenId.Storage;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpenIddict.Abstractions;

namespace Duplexity.Server.OpenId.Users;

/// <summary>The people of this provider: added, listed, disabled, removed. What is taken from somebody is taken at the provider first, so that nothing new is given, and then at the service at once (G8).</summary>
internal sealed class UserDirectory(
    OpenIdContext context, UserManager<OpenIdUser> users, RoleManager<IdentityRole> roles, IOpenIddictTokenManager tokens, IOpenIddictAuthorizationManager authorizations, Links links, Revocations revocations,
    Removals removals, Database database, TimeProvider time, IOptions<DuplexityOptions> duplexity, IOptions<OpenIdOptions> options, ILogger<UserDirectory> logger)
{
    private string AdminRole => duplexity.Value.Auth.AdminRole;

    /// <summary>Everybody, by name.</summary>
    public async Task<IReadOnlyList<UserInfo>> ListAsync(CancellationToken ct)
    {
        var all = await context.Users.AsNoTracking().Where(u => !u.IsRemoved && u.Id != Decoy.Id).ToListAsync(ct);
        var given = await context.UserRoles.Join(context.Roles, has => has.RoleId, role => role.Id, (has, role) => new { has.UserId, role.Name }).ToListAsync(ct);
        var byUser = given.ToLookup(g => g.UserId, g => g.Name!);
        return [.. all.OrderBy(u => u.Id, StringComparer.Ordinal).Select(u => Info(u, [.. byUser[u.Id].Order(StringComparer.Ordinal)]))];
    }

    /// <summary>Adds a person, with a password or, without one, with a link by which the person sets it.</summary>
    public Task<(UserInfo? User, DuplexityError? Error)> AddAsync(string? name, IReadOnlyCollection<string> given, string? password, string by, CancellationToken ct) =>
        AloneAsync(() => AddUnsynchronizedAsync(name, given, password, by, ct), ct);

    /// <summary>Ends all that a person has at once, until it is enabled again.</summary>
    public Task<(UserInfo? User, DuplexityError? Error)> DisableAsync(string? name, string by, CancellationToken ct) => ChangeAsync(name, isTaking: true, async user =>
    {
        user.IsDisabled = true;
        await EndAsync(user, ct);
        await revocations.DisableAsync(Client(user.Id)!, ct);
        Told(user.Id, "disabled", by);
    }, ct);

    /// <summary>Lets a person sign in again; what was ended stays ended.</summary>
    public Task<(UserInfo? User, DuplexityError? Error)> EnableAsync(string? name, string by, CancellationToken ct) => ChangeAsync(name, isTaking: false, async user =>
    {
        (user.IsDisabled, user.LockedUntil, user.AccessFailedCount) = (false, 0, 0);
        Done(await users.UpdateAsync(user));
        await revocations.EnableAsync(Client(user.Id)!, ct);
        Told(user.Id, "enabled", by);
    }, ct);

    /// <summary>Removes a person for ever: the name stays as a tombstone, here and at the service, where all that was the client's own goes.</summary>
    public Task<(UserInfo? User, DuplexityError? Error)> RemoveAsync(string? name, string by, CancellationToken ct) => ChangeAsync(name, isTaking: true, async user =>
    {
        (user.IsDisabled, user.IsRemoved, user.PasswordHash) = (true, true, null);
        await EndAsync(user, ct);
        Done(await users.RemoveFromRolesAsync(user, await users.GetRolesAsync(user)));
        await removals.RemoveAsync(Client(user.Id)!, by, ct);
        Told(user.Id, "removed", by);
    }, ct);

    /// <summary>Ends a password that was lost or stolen, with all sign-ins, and makes a link for the next.</summary>
    public async Task<(UserInfo? User, DuplexityError? Error)> ResetAsync(string? name, string by, CancellationToken ct)
    {
        OpenIdUser? reset = null;
        var (info, error) = await ChangeAsync(name, isTaking: false, async user =>
        {
            (user.PasswordHash, user.LockedUntil, user.AccessFailedCount) = (null, 0, 0);
            await EndAsync(user, ct);
            await revocations.RevokeClientAsync(Client(user.Id)!, null, ct);
            Told(user.Id, "given a new link", by);
            reset = user;
        }, ct);
        return reset is null ? (info, error) : (await WithLinkAsync(reset, isLinked: true, ct), null);
    }

    /// <summary>Who a link invites; null where it is over.</summary>
    public async Task<OpenIdUser?> InvitedAsync(string? token, CancellationToken ct) =>
        await links.FindAsync(token, ct) is { User: { } id } link && await users.FindByIdAsync(id) is { IsActive: true } user && user.SecurityStamp == link.Stamp ? user : null;

    /// <summary>Sets the password of whoever a link invites, once; what is wrong with it, in words.</summary>
    public Task<(OpenIdUser? User, string? Problem)> AcceptAsync(string token, string password, CancellationToken ct) => AloneAsync<(OpenIdUser?, string?)>(async () =>
    {
        if (await InvitedAsync(token, ct) is not { } user)
        {
            return (null, null);
        }

        if (await ProblemAsync(user, password) is { } problem)
        {
            return (user, problem);
        }

        if (!await links.TakeAsync(token, ct))
        {
            return (null, null);
        }

        // Whoever has a link has no password: an invitation comes before the first, and a reset takes the old one away.
        Done(await users.AddPasswordAsync(user, password));
        Told(user.Id, "given a password", "the person");
        return (user, null);
    }, ct);

    /// <summary>Whether somebody is there who may administer and can sign in.</summary>
    public async Task<bool> HasAdministratorAsync() => (await AdministratorsAsync()).Count > 0;

    /// <summary>Makes the first administrator, with a link that is used up by it.</summary>
    public Task<(UserInfo? User, DuplexityError? Error)> AddFirstAsync(string token, string? name, string password, CancellationToken ct) => AloneAsync(async () =>
    {
        if (await ProblemAsync(new OpenIdUser { UserName = name }, password) is { } problem)
        {
            return Wrong(problem);
        }

        // In line, and not only when the page was opened: each start prints a link, and of two that are used at once the second comes too late.
        if (await HasAdministratorAsync() || (Checked(name) is { } id && await users.FindByNameAsync(id) is null && !await links.TakeAsync(token, ct)))
        {
            return Wrong("This link was used already, or there is an administrator by now.");
        }

        return await AddUnsynchronizedAsync(name, [AdminRole], password, "the link of the first administrator", ct);
    }, ct);

    /// <summary>What must not fail, and would leave somebody with what was to be taken: then the caller is told so by a 500, and no success.</summary>
    private static void Done(IdentityResult result)
    {
        if (!result.Succeeded)
        {
            throw new InvalidOperationException(string.Join(' ', result.Errors.Select(e => e.Description)));
        }
    }

    private static (UserInfo?, DuplexityError?) Wrong(string sentence) => (null, DuplexityError.Of(Errors.InvalidRequest, sentence));

    private async Task<(UserInfo? User, DuplexityError? Error)> AddUnsynchronizedAsync(string? name, IReadOnlyCollection<string> given, string? password, string by, CancellationToken ct)
    {
        if (Checked(name) is not { } id)
        {
            return Wrong("A user's name is a client's: 1 to 128 characters in normal form, without white space, control characters, colons and asterisks.");
        }

        if (given.FirstOrDefault(role => role is not { Length: > 0 and <= 64 } || !role.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')) is { } bad)
        {
            return Wrong($"\"{VisibleText.Of(bad, 64)}\" cannot be a role: 1 to 64 letters, digits, hyphens, underscores or dots.");
        }

        if (await users.FindByNameAsync(id) is not null)
        {
            return (null, DuplexityError.Of(Errors.NameTaken, "There is a user of that name, or there was: a name is never given twice, and case does not count."));
        }

        var user = new OpenIdUser { Id = id, UserName = id, CreatedAt = time.GetUtcNow().ToUnixTimeMilliseconds() };
        var made = password is null ? await users.CreateAsync(user) : await users.CreateAsync(user, password);
        if (!made.Succeeded)
        {
            return Wrong(string.Join(' ', made.Errors.Select(e => e.Description)));
        }

        foreach (var role in given)
        {
            if (!await roles.RoleExistsAsync(role))
            {
                Done(await roles.CreateAsync(new IdentityRole(role)));
            }
        }

        Done(await users.AddToRolesAsync(user, given.Distinct(StringComparer.OrdinalIgnoreCase)));
        Told(id, "added", by);
        return (await WithLinkAsync(user, password is null, ct), null);
    }

    private async Task<string?> ProblemAsync(OpenIdUser user, string password)
    {
        foreach (var validator in users.PasswordValidators)
        {
            if (await validator.ValidateAsync(users, user, password) is { Succeeded: false } result)
            {
                return string.Join(' ', result.Errors.Select(e => e.Description));
            }
        }

        return password.Length > 1024 ? "A password has at most 1,024 characters." : null;
    }

    private async Task<(UserInfo?, DuplexityError?)> ChangeAsync(string? name, bool isTaking, Func<OpenIdUser, Task> change, CancellationToken ct) => await AloneAsync<(UserInfo?, DuplexityError?)>(async () =>
    {
        if (Checked(name) is not { } id || await users.FindByNameAsync(id) is not { IsRemoved: false } user)
        {
            return (null, null);
        }

        if (isTaking && await AdministratorsAsync() is [var last] && last.Id == user.Id)
        {
            return (null, DuplexityError.Of(Errors.Denied, $"{user.Id} is the only administrator: nobody could undo this. Add another one first."));
        }

        await change(user);
        return (Info(user, [.. await users.GetRolesAsync(user)]), null);
    }, ct);

    private async Task<IReadOnlyList<OpenIdUser>> AdministratorsAsync() => [.. (await users.GetUsersInRoleAsync(AdminRole)).Where(u => u is { IsActive: true, PasswordHash: not null })];

    /// <summary>Saves a user with a new stamp, which ends its browser sessions and links, and revokes what the provider gave.</summary>
    private async Task EndAsync(OpenIdUser user, CancellationToken ct)
    {
        Done(await users.UpdateSecurityStampAsync(user));
        await authorizations.RevokeBySubjectAsync(user.Id, ct);
        await tokens.RevokeBySubjectAsync(user.Id, ct);
    }

    private async Task<UserInfo> WithLinkAsync(OpenIdUser user, bool isLinked, CancellationToken ct)
    {
        var info = Info(user, [.. await users.GetRolesAsync(user)]);
        if (!isLinked)
        {
            return info;
        }

        var (token, expiresAt) = await links.MakeAsync(new Link(user.Id, user.SecurityStamp), options.Value.Invitation, ct);
        return info with { Link = token, LinkExpiresAt = expiresAt.ToUnixTimeMilliseconds() };
    }

    private UserInfo Info(OpenIdUser user, IReadOnlyList<string> given) => new(user.Id, Client(user.Id) ?? user.Id, given, State(user), user.CreatedAt);

    private string State(OpenIdUser user) =>
        !user.IsActive ? "disabled" : user.PasswordHash is null ? "invited" : user.LockedUntil > time.GetUtcNow().ToUnixTimeMilliseconds() ? "locked" : "active";

    private string? Client(string id) => ClientName.Of(duplexity.Value.Auth.Oidc.Prefix ?? "", id);

    private string? Checked(string? name)
    {
        try
        {
            return name?.Normalize(NormalizationForm.FormC) is { } normal && Client(normal) is not null ? normal : null;
        }
        catch (ArgumentException)
        {
            // Broken UTF-16 is no name.
            return null;
        }
    }

    private void Told(string id, string change, string by) => Log.UserChanged(logger, VisibleText.Of(id, VisibleText.LogLength), change, VisibleText.Of(by, VisibleText.LogLength));

    // One change at a time: each looks at what is there first.
    private async Task<T> AloneAsync<T>(Func<Task<T>> change, CancellationToken ct)
    {
        await database.Turn.WaitAsync(ct);
        try
        {
            return await change();
        }
        finally
        {
            database.Turn.Release();
        }
    }
}
