using System.Buffers;
using System.Text;
using Duplexity.Protocol;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>What its owner changes of an exchange's request before it is sent again: whether it may be, and what becomes of it.</summary>
internal static class ExchangeChanges
{
    private const int MostHeaders = 100;
    private const int MostOfMethod = 32;

    private static readonly SearchValues<char> Token = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>Headers that belong to the first connection, or that the front makes anew.</summary>
    private static readonly HashSet<string> Hop = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings", "Content-Length", "Expect",
    };

    /// <summary>What is wrong with the changes, which go onto a connection as they are; null: nothing.</summary>
    public static DuplexityError? Problem(ReplayExchangeRequest changes)
    {
        if (changes.Method is { } method && (method.Length is 0 or > MostOfMethod || method.AsSpan().ContainsAnyExcept(Token)))
        {
            return Wrong($"method is a word such as GET, of at most {MostOfMethod} characters.");
        }

        if (changes.Target is { } target && (!target.StartsWith('/') || target.Length >= ExchangeEncoding.MostOfTarget || target.AsSpan().ContainsAnyExceptInRange('!', '~')))
        {
            return Wrong($"target begins with / and has at most {ExchangeEncoding.MostOfTarget - 1} characters, none but visible ASCII; write the others as %XX.");
        }

        if (changes.Text is not null && changes.Bytes is not null)
        {
            return Wrong("Give text or bytes, not both.");
        }

        if (changes.Headers is { } headers && (headers.Length > MostHeaders || Array.Exists(headers, h => h is null || !IsHeader(h))))
        {
            return Wrong($"headers are at most {MostHeaders}, with names such as X-Mine and values on one line, in Latin-1.");
        }

        return null;
    }

    /// <summary>What is sent: what was kept, changed; and what it lacks because it was redacted. Or why it cannot be.</summary>
    public static (ReplayedRequest? Request, string[] Omitted, DuplexityError? Error) Read(ExchangeDetail kept, ReplayExchangeRequest changes)
    {
        var set = (changes.Headers ?? []).Where(h => h?.Name is not null).ToArray();
        var given = changes.Bytes ?? (changes.Text is { } text ? Encoding.UTF8.GetBytes(text) : null);
        var method = changes.Method ?? kept.Exchange.Method;
        var target = changes.Target ?? Target(kept.Exchange.Target);
        if (given is null && !kept.Request.IsWhole)
        {
            return (null, [], Wrong($"The request's body of {kept.Exchange.RequestBytes} bytes was not kept whole; give another one."));
        }

        if (changes.Target is null && kept.Exchange.Target.Length >= ExchangeEncoding.MostOfTarget)
        {
            return (null, [], Wrong("The request's target was not kept whole; give another one."));
        }

        if (kept.Exchange.Status == StatusCodes.Status101SwitchingProtocols || HttpMethods.IsConnect(method))
        {
            return (null, [], Wrong("A connection that was upgraded cannot be replayed."));
        }

        var omitted = kept.Request.Redacted.Where(o => !IsGiven(o)).ToArray();
        var headers = kept.Request.Headers
            .Where(h => h.Value != Diagnostics.Redaction.Mark && !Hop.Contains(h.Name!) && h.Name != Replay.Header && (IsHost(h.Name!) || !Array.Exists(set, s => s.Name!.Equals(h.Name, StringComparison.OrdinalIgnoreCase))))
            .Select(h => (Name: h.Name!, Value: h.Value!))
            .Where(h => !h.Name.Equals("Content-Encoding", StringComparison.OrdinalIgnoreCase)) // what is kept is what was in it
            .Concat(set.Where(s => s.Value is not null && !Hop.Contains(s.Name!) && !IsHost(s.Name!)).Select(s => (s.Name!, s.Value!)));
        var body = given ?? Body(kept.Request);
        var scheme = kept.Url.StartsWith("https:", StringComparison.OrdinalIgnoreCase) ? "https" : "http";
        return (new(method, target, scheme, [.. headers], body), omitted, null);

        bool IsGiven(string what) =>
            (what.EndsWith(" of the query", StringComparison.Ordinal) && changes.Target is not null)
            || (what.StartsWith("header ", StringComparison.Ordinal) ? Array.Exists(set, s => what["header ".Length..].Equals(s.Name, StringComparison.OrdinalIgnoreCase))
                : !what.EndsWith(" of the query", StringComparison.Ordinal) && given is not null);
    }

    private static bool IsHost(string name) => name.Equals("Host", StringComparison.OrdinalIgnoreCase);

    private static string Target(string kept)
    {
        var query = kept.IndexOf('?');
        if (query < 0 || !kept.Contains(Diagnostics.Redaction.Mark, StringComparison.Ordinal))
        {
            return kept;
        }

        var rest = Diagnostics.Redaction.WithoutMarks(kept[(query + 1)..]);
        return rest.Length == 0 ? kept[..query] : $"{kept[..query]}?{rest}";
    }

    // In a form the member is left out; elsewhere the mark stands where the secret was, for what is around it must stay what it is.
    private static byte[] Body(ExchangeMessage request) => request.Body switch
    {
        null => [],
        { } body when request.Headers.Any(h => h.Name!.Equals("Content-Type", StringComparison.OrdinalIgnoreCase) && h.Value!.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase)) =>
            Encoding.Latin1.GetBytes(Diagnostics.Redaction.WithoutMarks(Encoding.Latin1.GetString(body))),
        { } body => body,
    };

    private static bool IsHeader(PipeHeader header) =>
        header.Name is { Length: > 0 } name && !name.AsSpan().ContainsAnyExcept(Token) && (header.Value is null || !header.Value.Any(c => c is (< ' ' and not '\t') or '\x7f' or > '\xff'));

    private static DuplexityError Wrong(string sentence) => DuplexityError.Of(Errors.InvalidRequest, sentence);
}
