using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Duplexity.Server.Tunnels;

/// <summary>A request that is sent again, whole: what goes to the front in a visitor's place.</summary>
/// <param name="Method">Its method.</param>
/// <param name="Target">Path and query, as they go onto the line.</param>
/// <param name="Scheme">The scheme by which it came.</param>
/// <param name="Headers">Its headers, Host among them; several of one name are several values.</param>
/// <param name="Body">Its body; empty: none.</param>
internal sealed record ReplayedRequest(string Method, string Target, string Scheme, (string Name, string Value)[] Headers, byte[] Body)
{
    /// <summary>It as the front takes it: no connection is behind it, and what is answered is read to its end and dropped.</summary>
    /// <param name="replay">What marks it.</param>
    /// <param name="address">The first visitor's address; null: it is not known.</param>
    /// <param name="aborted">Ends it.</param>
    public HttpContext ToContext(Replay replay, string? address, CancellationToken aborted)
    {
        var context = new DefaultHttpContext();
        var feature = context.Features.GetRequiredFeature<IHttpRequestFeature>();
        (feature.Method, feature.RawTarget, feature.Scheme, feature.Protocol) = (Method, Target, Scheme, HttpProtocol.Http11);
        var query = Target.IndexOf('?');
        (feature.Path, feature.QueryString) = query < 0 ? (Target, "") : (Target[..query], Target[query..]);
        foreach (var (name, value) in Headers)
        {
            feature.Headers.Append(name, value);
        }

        feature.Body = new MemoryStream(Body, writable: false);
        if (Body.Length > 0)
        {
            feature.Headers.ContentLength = Body.Length;
        }

        var response = new Answer();
        context.Features.Set<IHttpResponseFeature>(response);
        context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(new Sink(response)));
        context.Features.Set<IHttpRequestBodyDetectionFeature>(new Detection(Body.Length > 0));
        context.Features.Set<IHttpConnectionFeature>(new HttpConnectionFeature { RemoteIpAddress = IPAddress.TryParse(address, out var known) ? known : null });
        context.Features.Set<IHttpRequestLifetimeFeature>(new HttpRequestLifetimeFeature { RequestAborted = aborted });
        context.Features.Set(replay);
        return context;
    }

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
