using System.Net;
using System.Text;
using Duplexity.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>A request of which no connection is behind: what is kept of an exchange, with its changes, as the front takes it. What is answered is read to its end and dropped; the inspector has its copy.</summary>
internal static class ReplayContext
{
    /// <summary>Headers that belong to the first connection, or that the front makes anew.</summary>
    private static readonly HashSet<string> Hop = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings", "Content-Length", "Expect",
    };

    /// <summary>The request.</summary>
    /// <param name="request">What is sent.</param>
    /// <param name="kept">The exchange that it repeats.</param>
    /// <param name="newId">The id of the exchange that comes of it.</param>
    /// <param name="aborted">Ends it.</param>
    public static HttpContext Of(ReplayedRequest request, KeptExchange kept, string newId, CancellationToken aborted)
    {
        var context = new DefaultHttpContext();
        var feature = context.Features.GetRequiredFeature<IHttpRequestFeature>();
        (feature.Method, feature.RawTarget, feature.Scheme, feature.Protocol) = (request.Method, request.Target, request.Scheme, HttpProtocol.Http11);
        var query = request.Target.IndexOf('?');
        (feature.Path, feature.QueryString) = query < 0 ? (request.Target, "") : (request.Target[..query], request.Target[query..]);
        foreach (var (name, value) in request.Headers)
        {
            feature.Headers.Append(name, value);
        }

        feature.Body = new MemoryStream(request.Body, writable: false);
        if (request.Body.Length > 0)
        {
            feature.Headers.ContentLength = request.Body.Length;
        }

        var response = new Answer();
        context.Features.Set<IHttpResponseFeature>(response);
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(new Sink(response)));
        context.Features.Set<IHttpRequestBodyDetectionFeature>(new Detection(request.Body.Length > 0));
        context.Features.Set<IHttpConnectionFeature>(new HttpConnectionFeature { RemoteIpAddress = IPAddress.TryParse(kept.Visitor, out var address) ? address : null });
        context.Features.Set<IHttpRequestLifetimeFeature>(new HttpRequestLifetimeFeature { RequestAborted = aborted });
        context.Features.Set(new Replayed(kept.Id, newId, kept.Client));
        return context;
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
            .Where(h => h.Value != Diagnostics.Redaction.Mark && !Hop.Contains(h.Name!) && h.Name != Replayed.Header && (IsHost(h.Name!) || !Array.Exists(set, s => s.Name!.Equals(h.Name, StringComparison.OrdinalIgnoreCase))))
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

    private static DuplexityError Wrong(string sentence) => DuplexityError.Of(Errors.InvalidRequest, sentence);

    private sealed class Detection(bool canHaveBody) : IHttpRequestBodyDetectionFeature
    {
        public bool CanHaveBody => canHaveBody;
    }

    /// <summary>An answer that begins with its first byte, as a connection's does.</summary>
    private sealed class Answer : HttpResponseFeature
    {
        private readonly List<(Func<object, Task> Callback, object State)> _starting = [];
        private bool _hasStarted;

        public override bool HasStarted => _hasStarted;

        public override void OnStarting(Func<object, Task> callback, object state) => _starting.Add((callback, state));

        public async Task StartAsync()
        {
            if (!_hasStarted)
            {
                _hasStarted = true;
                for (var i = _starting.Count - 1; i >= 0; i--)
                {
                    await _starting[i].Callback(_starting[i].State);
                }
            }
        }
    }

    /// <summary>Where the answer goes: nowhere.</summary>
    private sealed class Sink(Answer answer) : DuplexStream
    {
        public override bool CanRead => false;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => await answer.StartAsync();

        public override Task FlushAsync(CancellationToken cancellationToken) => answer.StartAsync();
    }
}
