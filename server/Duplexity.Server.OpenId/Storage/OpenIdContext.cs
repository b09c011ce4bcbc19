using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore;

namespace Duplexity.Server.OpenId.Storage;

/// <summary>The tables of ASP.NET Core Identity and of OpenIddict, in one file.</summary>
internal sealed class OpenIdContext(DbContextOptions<OpenIdContext> options) : IdentityDbContext<OpenIdUser, IdentityRole, string>(options);
