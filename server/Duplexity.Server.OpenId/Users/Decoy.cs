using Duplexity.Server.Auth;
using Duplexity.Server.OpenId.Storage;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace Duplexity.Server.OpenId.Users;

/// <summary>
/// Who stands for every name that is nobody's: a row that cannot be named, with a password that nobody knows. Checking a password then reads, hashes and counts the same, whether there is such a person or not (G25).
/// </summary>
internal sealed class Decoy(OpenIdContext context, IPasswordHasher<OpenIdUser> hasher)
{
    /// <summary>Its id: with a colon, which no client's name has.</summary>
    public const string Id = ":";

    /// <summary>Makes it, with the costs that hashes have now.</summary>
    public async Task MakeAsync(CancellationToken ct)
    {
        if (await context.Users.SingleOrDefaultAsync(u => u.Id == Id, ct) is not { } decoy)
        {
            decoy = new OpenIdUser { Id = Id, IsDisabled = true };
            context.Add(decoy);
        }

        decoy.PasswordHash = hasher.HashPassword(decoy, Secrets.New());
        await context.SaveChangesAsync(ct);
    }
}
