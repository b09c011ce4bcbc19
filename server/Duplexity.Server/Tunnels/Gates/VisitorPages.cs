using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>What visitors see whom no gate lets in. Constant text.</summary>
internal static class VisitorPages
{
    public const string TooMany = "More requests come from you than the owner of this address takes. Try again in a moment.";

    private const int WrongPasswordsSeconds = 600;

    public static Task UnknownAsync(HttpContext context) =>
        Pages.WriteAsync(context, StatusCodes.Status401Unauthorized, "Who are you?", "This address is not for everybody. Come with a name and password, or a token, that its owner lets in.");

    public static Task NotForYouAsync(HttpContext context) =>
        Pages.WriteAsync(context, StatusCodes.Status403Forbidden, "Not for you", "Its owner does not let you visit this address. If that is a mistake, ask whoever told you of it.");

    public static Task NotAtAFrontAsync(HttpContext context) =>
        Pages.WriteAsync(context, StatusCodes.Status403Forbidden, "Not here", "This address is not for everybody, and the front by which you came cannot ask who you are.");

    public static Task NotSignedInAsync(HttpContext context) =>
        Pages.WriteAsync(context, StatusCodes.Status403Forbidden, "Not signed in", "The sign-in was given up, refused, or begun in another browser. Open the page that you wanted once more.");

    public static Task TooManyPasswordsAsync(HttpContext context) => TooManyAsync(context, WrongPasswordsSeconds, "From your address too many wrong passwords came. Wait ten minutes.");

    public static Task TooManyAsync(HttpContext context, int seconds, string sentence)
    {
        context.Response.Headers.RetryAfter = Math.Max(1, seconds).ToString(CultureInfo.InvariantCulture);
        return Pages.WriteAsync(context, StatusCodes.Status429TooManyRequests, "Too many requests", sentence);
    }
}
