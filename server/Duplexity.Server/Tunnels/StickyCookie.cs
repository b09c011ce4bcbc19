using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Duplexity.Server.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// The cookie by which a visitor of a shared name stays with the session that served it first. Its value names a session to nobody but the nodes, and a visitor who makes one up chooses among those that serve the
/// name, no more. Resources never see it.
/// </summary>
internal static class StickyCookie
{
    /// <summary>Its name.</summary>
    public const string Name = "duplexity-sticky";

    // 96 bits: what two sessions of one name have in common by chance only.
    private const int ValueBytes = 12;

    private static readonly HashSet<string> Names = new(StringComparer.OrdinalIgnoreCase) { Name };

    /// <summary>The value that stands for a registration, the same at every node and through its reconnects.</summary>
    public static string Of(PipeEntry entry) =>
        Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes($"{entry.Name}\0{entry.Client}\0{entry.Session}")).AsSpan(0, ValueBytes));

    /// <summary>What the visitor brought, which is taken out of its headers; null: nothing.</summary>
    public static string? Take(HttpRequest request) => CookieHeader.Take(request.Headers, Names).GetValueOrDefault(Name);

    /// <summary>Where the pipe asks for it and the visitor had another one, or none, the answer brings the cookie of the last of <paramref name="tried"/>, beside whatever the resource sets.</summary>
    public static void Give(HttpContext context, string? had, IReadOnlyList<PipeEntry> tried, bool isSecure)
    {
        if (tried[^1].Settings.Sticky == true)
        {
            context.Response.OnStarting(() =>
            {
                if (tried[^1].Settings.Sticky == true && Of(tried[^1]) is var value && value != had)
                {
                    context.Response.Headers.Append(HeaderNames.SetCookie, $"{Name}={value}; Path=/; HttpOnly; SameSite=Lax{(isSecure ? "; Secure" : "")}");
                }

                return Task.CompletedTask;
            });
        }
    }
}
