using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Cluster;

/// <summary>Asks other nodes on the internal plane. Thread-safe.</summary>
internal sealed class NodeCalls(NodeSignature signature, IOptions<DuplexityOptions> options, TimeProvider time) : IDisposable
{
    /// <summary>The largest question and answer, in bytes: a page of a thousand sockets.</summary>
    public const int MostBytes = 4 * 1024 * 1024;

    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        ConnectTimeout = options.Value.Times.NodeCall,
        PooledConnectionLifetime = TimeSpan.FromMinutes(2), // so that a name that has moved is resolved again
    });

    /// <summary>Asks one node.</summary>
    /// <exception cref="DuplexityException"><see cref="Errors.Unavailable"/>: it cannot be reached, was not in time, or could not answer; what was asked may have been done or not.</exception>
    /// <exception cref="NodeRefusedException">It does not have this cluster's key.</exception>
    public async Task<TAnswer> AskAsync<TQuestion, TAnswer>(NodeInfo to, string kind, TQuestion question, CancellationToken ct)
    {
        if (!signature.MayAsk(to) || to.InternalUrl is not { } at)
        {
            throw Unreachable(null);
        }

        using var timeout = new CancellationTokenSource(options.Value.Times.NodeCall, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, ct);
        try
        {
            var body = JsonSerializer.SerializeToUtf8Bytes(question);
            var request = signature.Sign("POST", "/" + kind, body, to);
            using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(at, request.Target))
            {
                Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
            };
            request.Write((name, value) => message.Headers.TryAddWithoutValidation(name, value));
            using var response = await _http.SendAsync(message, either.Token);
            await response.Content.LoadIntoBufferAsync(MostBytes, either.Token);
            var answer = await response.Content.ReadAsByteArrayAsync(either.Token);
            var shown = response.Headers.TryGetValues(NodeRequest.SignatureHeader, out var values) ? string.Concat(values) : null;
            if (!signature.IsAnswer(request, (int)response.StatusCode, answer, shown, to.IsFront))
            {
                throw new NodeRefusedException(to);
            }

            return response.IsSuccessStatusCode ? JsonSerializer.Deserialize<TAnswer>(answer)! : throw Unreachable(null);
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or IOException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            throw Unreachable(e);
        }
    }

    /// <summary>Asks several nodes at once. Those that do not answer are left out.</summary>
    public async Task<IReadOnlyList<TAnswer>> AskAllAsync<TQuestion, TAnswer>(IReadOnlyCollection<NodeInfo> nodes, string kind, TQuestion question, CancellationToken ct)
    {
        var asked = await Task.WhenAll(nodes.Select(async node =>
        {
            try
            {
                return (Answer: await AskAsync<TQuestion, TAnswer>(node, kind, question, ct), IsThere: true);
            }
            catch (Exception e) when (e is DuplexityException or NodeRefusedException)
            {
                return (Answer: default(TAnswer)!, IsThere: false);
            }
        }));
        return [.. asked.Where(a => a.IsThere).Select(a => a.Answer)];
    }

    public void Dispose() => _http.Dispose();

    private static DuplexityException Unreachable(Exception? cause) =>
        new(DuplexityError.Of(Errors.Unavailable, "Another node cannot be reached now; try again in a moment."), cause);
}

/// <summary>A node answered that does not have this cluster's key, or something that is no node.</summary>
internal sealed class NodeRefusedException(NodeInfo node) : Exception($"The node {node.Name} at {node.InternalUrl} does not have this cluster's key.");
