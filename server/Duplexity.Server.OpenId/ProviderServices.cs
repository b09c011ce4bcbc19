using System.Diagnostics;
using Duplexity.Server.Auth;
using Duplexity.Server.OpenId.Pages;
using Duplexity.Server.OpenId.Storage;
using Duplexity.Server.OpenId.Users;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpenIddict.Server;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace Duplexity.Server.OpenId;

/// <summary>What the provider is made of: ASP.NET Core Identity, OpenIddict, their tables, a cookie, and the pages.</summary>
internal static class ProviderServices
{
    private const string SessionCookie = "__Host-duplexity-openid";
    private const string FormCookie = "__Host-duplexity-openid-form";

    /// <summary>Builds them beside the application's, of which they see only what is named here.</summary>
    public static ServiceProvider Build(IServiceProvider application)
    {
        var services = new ServiceCollection();
        var duplexity = application.GetRequiredService<IOptions<DuplexityOptions>>();
        var own = application.GetRequiredService<IOptions<OpenIdOptions>>();
        services.AddSingleton(duplexity).AddSingleton(own);
        Share<TimeProvider>(services, application);
        Share<IHostEnvironment>(services, application);
        Share<PeerAddresses>(services, application);
        Share<BrowserOrigins>(services, application);
        Share<Revocations>(services, application);
        Share<Removals>(services, application);
        Share<IPasswordHasher<OpenIdUser>>(services, application);
        Share<FailedAttempts>(services, application);
        Share<Links>(services, application);
        Share<Database>(services, application);
        services.AddSingleton(application.GetRequiredService<Sealing>().For("openid"));
        services.AddSingleton(new DiagnosticListener("Duplexity.OpenId"));

        // At Information, OpenIddict logs whole requests and Entity Framework every command.
        services.AddLogging(logging => logging.AddProvider(new Passing(application.GetRequiredService<ILoggerFactory>()))
            .AddFilter("OpenIddict", LogLevel.Warning).AddFilter("Microsoft", LogLevel.Warning));

        AddStore(services, application.GetRequiredService<Database>());
        AddBrowser(services, own.Value, application.GetRequiredService<TimeProvider>());
        AddProtocol(services, duplexity.Value, application.GetRequiredService<ProviderKeys>());
        services.AddSingleton<PasswordChecks>().AddSingleton<Pruning>();
        services.AddScoped<Decoy>().AddScoped<UserDirectory>().AddScoped<RegisteredClients>().AddScoped<Forms>();
        services.AddScoped<AuthorizePage>().AddScoped<TokenEndpoint>().AddScoped<SignInPage>().AddScoped<SignOutPage>().AddScoped<InvitationPage>().AddScoped<FirstPage>();
        return services.BuildServiceProvider();
    }

    private static void AddStore(IServiceCollection services, Database database)
    {
        services.AddDbContext<OpenIdContext>(options => options.UseSqlite(database.ConnectionString).UseOpenIddict());
        services.AddIdentityCore<OpenIdUser>(options =>
        {
            // Names are checked as clients; of passwords only the length counts.
            options.User.AllowedUserNameCharacters = "";
            options.Password = new PasswordOptions { RequireDigit = false, RequireLowercase = false, RequireUppercase = false, RequireNonAlphanumeric = false, RequiredUniqueChars = 1 };
        }).AddRoles<IdentityRole>().AddEntityFrameworkStores<OpenIdContext>();
        services.AddOptions<IdentityOptions>().Configure<IOptions<OpenIdOptions>>((options, own) => options.Password.RequiredLength = own.Value.PasswordLength);
    }

    private static void AddBrowser(IServiceCollection services, OpenIdOptions own, TimeProvider time)
    {
        services.AddAntiforgery(options =>
        {
            options.Cookie = new HostCookie { Name = FormCookie, Path = "/", HttpOnly = true, SameSite = SameSiteMode.Lax, IsEssential = true };
            options.SuppressXFrameOptionsHeader = true;
        });
        services.AddAuthentication(CookieAuthenticationDefaults.AuthenticationScheme).AddCookie(options =>
        {
            options.Cookie = new CookieBuilder { Name = SessionCookie, HttpOnly = true, SameSite = SameSiteMode.Lax, SecurePolicy = CookieSecurePolicy.Always, Path = "/" };
            options.ExpireTimeSpan = own.Session;
            options.SlidingExpiration = false;
            options.TimeProvider = time;
            options.EventsType = typeof(SessionEvents);
        });
        services.AddScoped<SessionEvents>();
    }

    private static void AddProtocol(IServiceCollection services, DuplexityOptions duplexity, ProviderKeys keys)
    {
        services.AddSingleton<IConfigureOptions<OpenIddictServerOptions>>(keys).AddSingleton<IOptionsChangeTokenSource<OpenIddictServerOptions>>(keys);
        services.AddOpenIddict()
            .AddCore(core => core.UseEntityFrameworkCore().UseDbContext<OpenIdContext>())
            .AddServer(server =>
            {
                server.SetIssuer(duplexity.Auth.Oidc.Authority!)
                    .SetAuthorizationEndpointUris("authorize").SetTokenEndpointUris("token")
                    .SetConfigurationEndpointUris(".well-known/openid-configuration").SetJsonWebKeySetEndpointUris("jwks")
                    .AllowAuthorizationCodeFlow().AllowRefreshTokenFlow().RequireProofKeyForCodeExchange()
                    .RegisterScopes(Scopes.OpenId, Scopes.OfflineAccess, Scopes.Profile, Scopes.Roles)
                    .RegisterClaims(Claims.Subject, Claims.Name, TokenContents.Roles)
                    .SetRefreshTokenLifetime(duplexity.Times.SignedIn)
                    .Configure(options => options.CodeChallengeMethods.Remove(CodeChallengeMethods.Plain));

                // The transport was looked at before: plain http is loopback's alone.
                server.UseAspNetCore().EnableAuthorizationEndpointPassthrough().EnableTokenEndpointPassthrough().EnableErrorPassthrough().DisableTransportSecurityRequirement();
                server.RemoveEventHandler(OpenIddictServerHandlers.Authentication.ValidateClientRedirectUri.Descriptor);
                server.AddEventHandler(RedirectCheck.Descriptor);
            });
    }

    private static void Share<T>(IServiceCollection services, IServiceProvider application)
        where T : class
    {
        // As an instance: whoever made it disposes of it.
        services.AddSingleton(application.GetRequiredService<T>());
    }

    /// <summary>A cookie that is Secure also where the browser came over plain http: on loopback, where browsers keep it all the same.</summary>
    private sealed class HostCookie : CookieBuilder
    {
        public override CookieOptions Build(HttpContext context, DateTimeOffset expiresFrom)
        {
            var cookie = base.Build(context, expiresFrom);
            cookie.Secure = true;
            return cookie;
        }
    }

    /// <summary>Hands every line to the application's own log.</summary>
    private sealed class Passing(ILoggerFactory factory) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => factory.CreateLogger(categoryName);

        public void Dispose()
        {
            // The factory is the application's.
        }
    }
}
