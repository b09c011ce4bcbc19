using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;

namespace Duplexity.Server.Diagnostics;

/// <summary>
/// The one list of what is secret by its name (G25): headers, members of queries and forms, and members of JSON bodies that are tokens. Applied before anything of a visitor's is kept or told; what is there afterwards is <see cref="Mark"/>.
/// </summary>
internal static class Redaction
{
    /// <summary>Stands where a secret was.</summary>
    public const string Mark = "[redacted]";

    private static readonly HashSet<string> Headers = new(StringComparer.OrdinalIgnoreCase)
    {
        "authorization", "authentication-info", "cookie", "cookie2", "set-cookie", "set-cookie2", "x-api-key", "api-key", "x-auth-token", "x-access-token", "x-csrf-token", "x-xsrf-token",
        "x-amz-security-token", "x-gitlab-token", "x-goog-iap-jwt-assertion", "cf-access-jwt-assertion", "x-forwarded-access-token",
    };

    // Without backtracking: what they read is a visitor's.
    private static readonly Regex UserInformation = new("""([a-zA-Z][a-zA-Z0-9+.-]*://)[^/?#@\s"']+@""", RegexOptions.NonBacktracking);

    // Members of JSON that are tokens: "state" and "code" are ordinary words there.
    private static readonly HashSet<string> JsonMembers = new(StringComparer.OrdinalIgnoreCase)
    {
        "access_token", "accesstoken", "refresh_token", "refreshtoken", "id_token", "idtoken", "client_secret", "clientsecret", "password", "passwd", "api_key", "apikey", "private_key", "privatekey", "ticket", "device_code", "code_verifier",
    };

    // All at once, in one pass over the body: this is the part of the inspector that costs.
    private static readonly SearchValues<string> JsonNames = SearchValues.Create([.. JsonMembers], StringComparison.OrdinalIgnoreCase);

    private static readonly Regex PartName = new("""\bname="?(?<name>[^";\r\n]+)"?""", RegexOptions.IgnoreCase | RegexOptions.NonBacktracking);

    private const int JsonNameLength = 16;

    private const string QuerySeparators = "&;?#";

    private const string FormSeparators = "&";

    private static readonly string[] HeaderPrefixes = ["proxy-", "duplexity-"];

    // What OAuth, OpenID Connect and SAML put into a URL or a form, what our own front does, and the usual names of keys and passwords.
    private static readonly HashSet<string> Members = new(StringComparer.OrdinalIgnoreCase)
    {
        "access_token", "refresh_token", "id_token", "id_token_hint", "token", "code", "state", "ticket", "code_verifier", "client_secret", "client_assertion", "assertion", "device_code", "user_code",
        "samlrequest", "samlresponse", "relaystate", "password", "passwd", "pwd", "secret", "api_key", "apikey", "api-key", "session", "sessionid", "session_id", "jwt", "sig", "signature",
        "x-amz-signature", "x-amz-security-token", "x-amz-credential", "duplexity-link", "csrf", "csrf_token", "_csrf", "__requestverificationtoken", "authenticity_token", "otp",
    };

    /// <summary>Whether a header's value is secret whatever it says.</summary>
    public static bool IsSecretHeader(string name)
    {
        var folded = name.Replace('_', '-');
        return Headers.Contains(folded) || Array.Exists(HeaderPrefixes, p => folded.StartsWith(p, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Whether a member of a query or a form is secret whatever it says. Its name may be percent-encoded.</summary>
    public static bool IsSecretMember(ReadOnlySpan<char> name)
    {
        var written = name.Contains('%') || name.Contains('+') ? Uri.UnescapeDataString(name.ToString().Replace('+', ' ')) : name.ToString();
        var bare = written.AsSpan().Trim();
        var bracket = bare.IndexOf('[');
        return Members.Contains((bracket > 0 ? bare[..bracket] : bare).ToString());
    }

    /// <summary>A header's value without what is secret in it: all of it, or members of the queries of the URLs that it has.</summary>
    public static string Header(string name, string value, List<string>? found = null)
    {
        if (IsSecretHeader(name))
        {
            found?.Add($"header {name}");
            return Mark;
        }

        return Url(value, found);
    }

    /// <summary>A URL, or its path and query, without what is secret in its query, its fragment (where some sign-ins answer) and its user information.</summary>
    public static string Url(string url, List<string>? found = null)
    {
        if (url.Contains('@') && UserInformation.IsMatch(url))
        {
            found?.Add("user information of a URL");
            url = UserInformation.Replace(url, $"$1{Mark}@");
        }

        var begin = url.AsSpan().IndexOfAny('?', '#');
        return begin < 0 ? url : string.Concat(url.AsSpan(0, begin + 1), Pairs(url[(begin + 1)..], QuerySeparators, found));
    }

    /// <summary>A form in the way of queries (<c>application/x-www-form-urlencoded</c>), or as much of it as there is.</summary>
    public static string Form(string form, List<string>? found = null) => Pairs(form, FormSeparators, found);

    /// <summary>JSON, or as much of it as there is, without the values of members that are tokens. What is secret in a URL only (<c>state</c>, <c>code</c>) is an ordinary word here.</summary>
    public static string Json(string json, List<string>? found = null)
    {
        StringBuilder? clean = null;
        var copied = 0;
        for (var from = 0; json.AsSpan(from).IndexOfAny(JsonNames) is >= 0 and var at;)
        {
            var begin = from + at;
            from = begin + 1;
            var length = json.AsSpan(begin, Math.Min(JsonNameLength + 1, json.Length - begin)).IndexOf('"');
            if (begin == 0 || json[begin - 1] != '"' || length < 0 || !JsonMembers.Contains(json.Substring(begin, length)) || ValueOf(json, begin + length + 1) is not { } value)
            {
                continue;
            }

            found?.Add($"member {json.AsSpan(begin, length)}");
            (clean ??= new()).Append(json, copied, value - copied).Append(Mark).Append('"');
            from = copied = EndOf(json, value);
        }

        return clean is null ? json : clean.Append(json, copied, json.Length - copied).ToString();
    }

    /// <summary>A form in parts (<c>multipart/form-data</c>), or as much of it as there is.</summary>
    public static string Parts(string parts, List<string>? found = null)
    {
        StringBuilder? clean = null;
        var copied = 0;
        for (var from = 0; PartName.Match(parts, from) is { Success: true } name; from = Math.Max(name.Index + name.Length, copied))
        {
            var head = parts.IndexOf("\r\n\r\n", name.Index + name.Length, StringComparison.Ordinal);
            if (head < 0)
            {
                break;
            }

            if (IsSecretMember(name.Groups["name"].Value))
            {
                found?.Add($"member {name.Groups["name"].Value}");
                (clean ??= new()).Append(parts, copied, head + 4 - copied).Append(Mark);
                copied = parts.IndexOf("\r\n--", head + 4, StringComparison.Ordinal) is >= 0 and var end ? end : parts.Length;
            }
        }

        return clean is null ? parts : clean.Append(parts, copied, parts.Length - copied).ToString();
    }

    /// <summary>A query or a form without the members that were redacted; what is sent again.</summary>
    public static string WithoutMarks(string pairs) =>
        pairs.Contains(Mark, StringComparison.Ordinal) ? string.Join('&', pairs.Split('&').Where(p => !p.EndsWith("=" + Mark, StringComparison.Ordinal))) : pairs;

    /// <summary>Where the text of a member's value begins, behind its quote; null: it is none, or a number.</summary>
    private static int? ValueOf(string json, int behindName)
    {
        var colon = behindName + Blank(json, behindName);
        if (colon >= json.Length || json[colon] != ':')
        {
            return null;
        }

        var quote = colon + 1 + Blank(json, colon + 1);
        return quote < json.Length && json[quote] == '"' ? quote + 1 : null;
    }

    private static int Blank(string json, int from) => json.AsSpan(from).IndexOfAnyExcept(" \t\r\n") is >= 0 and var blank ? blank : json.Length - from;

    /// <summary>Behind the quote that ends a text; the end, where it was cut.</summary>
    private static int EndOf(string json, int from)
    {
        while (json.AsSpan(from).IndexOfAny('"', '\\') is >= 0 and var at)
        {
            if (json[from + at] == '"')
            {
                return from + at + 1;
            }

            from = Math.Min(from + at + 2, json.Length);
        }

        return json.Length;
    }

    private static string Pairs(string text, string separators, List<string>? found)
    {
        if (!text.Contains('='))
        {
            return text;
        }

        StringBuilder? clean = null;
        var copied = 0;
        for (var begin = 0; begin < text.Length;)
        {
            var length = text.AsSpan(begin).IndexOfAny(separators);
            var end = length < 0 ? text.Length : begin + length;
            var equals = text.AsSpan(begin, end - begin).IndexOf('=');
            if (equals > 0 && begin + equals + 1 < end && IsSecretMember(text.AsSpan(begin, equals)))
            {
                found?.Add($"member {text.Substring(begin, equals)}");
                (clean ??= new()).Append(text, copied, begin + equals + 1 - copied).Append(Mark);
                copied = end;
            }

            begin = end + 1;
        }

        return clean is null ? text : clean.Append(text, copied, text.Length - copied).ToString();
    }
}
