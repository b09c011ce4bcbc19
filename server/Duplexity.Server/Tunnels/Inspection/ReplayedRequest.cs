using System.Buffers;
using Duplexity.Protocol;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>A request that is sent again.</summary>
internal sealed record ReplayedRequest(string Method, string Target, string Scheme, (string Name, string Value)[] Headers, byte[] Body)
{
    private const int MostHeaders = 100;
    private const int MostOfMethod = 32;

    private static readonly SearchValues<char> Token = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

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

    private static bool IsHeader(PipeHeader header) =>
        header.Name is { Length: > 0 } name && !name.AsSpan().ContainsAnyExcept(Token) && (header.Value is null || !header.Value.Any(c => c is (< ' ' and not '\t') or '\x7f' or > '\xff'));

    private static DuplexityError Wrong(string sentence) => DuplexityError.Of(Errors.InvalidRequest, sentence);
}
