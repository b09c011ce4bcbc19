using System.Text.Encodings.Web;
using Duplexity.Server.Auth;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.OpenId.Pages;

/// <summary>What every form has: where it goes, a token against forgery, and the fields that are not seen; and how it is read again.</summary>
internal sealed class Forms(IAntiforgery antiforgery)
{
    /// <summary>A form that posts to <paramref name="path"/> below the provider. <paramref name="content"/> is HTML, the hidden values are text.</summary>
    public string Html(HttpContext context, string path, IEnumerable<KeyValuePair<string, string>> hidden, string content)
    {
        var tokens = antiforgery.GetAndStoreTokens(context);
        var fields = hidden.Append(new(tokens.FormFieldName, tokens.RequestToken!))
            .Select(field => $"<input type=\"hidden\" name=\"{Encode(field.Key)}\" value=\"{Encode(field.Value)}\">");
        return $"<form method=\"post\" action=\"{Encode(context.Request.PathBase + path)}\">{string.Concat(fields)}{content}</form>";
    }

    /// <summary>The fields of a form of ours; null, and the answer is written, where it is from another page or another time.</summary>
    public async Task<IReadOnlyDictionary<string, string>?> ReadAsync(HttpContext context)
    {
        var request = context.Request;
        var fields = await AuthRequests.ReadFieldsAsync(context);
        var isOwnPage = request.Headers.Origin is [{ } origin] && BrowserOrigins.Canonical(origin) == BrowserOrigins.Canonical($"{request.Scheme}://{request.Host}");
        if (isOwnPage && request.HasFormContentType && await antiforgery.IsRequestValidAsync(context))
        {
            return fields;
        }

        await SignInPages.SayAsync(context, StatusCodes.Status400BadRequest, "Not from here", "This form is not one that this browser was given just now. Go back, load the page again, and try once more.");
        return null;
    }

    private static string Encode(string text) => HtmlEncoder.Default.Encode(text);
}
