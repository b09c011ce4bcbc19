using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Duplexity.Server.Diagnostics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Cluster;

/// <summary>
/// The internal listener: a server of its own, where other nodes ask questions and hand on upgrades, fronts ask what they may, and nobody else does anything (G18). There is none without a key, nor where nodes cannot share the engine and no front may ask.
/// </summary>
internal sealed class NodeListener(
    NodeBook nodes, NodeSignature signature, NodePipeline pipeline, IEnumerable<INodeCall> calls, IHttpContextFactory contexts, IServiceProvider services,
    IOptions<DuplexityOptions> options, ILoggerFactory loggers, ILogger<NodeListener> logger)
    : IHostedService, IHttpApplication<HttpContext>, IDisposable
{
    private readonly Dictionary<string, INodeCall> _calls = calls.ToDictionary(c => c.Kind);
    private KestrelServer? _server;

    /// <inheritdoc/>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!signature.KnowsFronts && !(signature.HasKey && nodes.IsShared))
        {
            return;
        }

        var url = options.Value.Node.InternalUrl ?? new Uri("http://127.0.0.1:0");
        var kestrel = new KestrelServerOptions { ApplicationServices = services, AddServerHeader = false };
        kestrel.Limits.MaxRequestBodySize = NodeCalls.MostBytes;
        foreach (var address in await AddressesAsync(url, cancellationToken))
        {
            kestrel.Listen(address, url.Port, listen =>
            {
                if (url.Scheme == Uri.UriSchemeHttps)
                {
                    listen.UseHttps(X509Certificate2.CreateFromPemFile(options.Value.Node.InternalCertificate!));
                }
            });
        }

        _server = new KestrelServer(Options.Create(kestrel), new SocketTransportFactory(Options.Create(new SocketTransportOptions()), loggers), loggers);
        await _server.StartAsync(this, cancellationToken);
        var port = new Uri(_server.Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First()).Port;
        var at = new UriBuilder(url) { Port = port }.Uri;
        nodes.ListensAt(at);
        Log.ListensForNodes(logger, nodes.Self.Name, at);
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => _server?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public void Dispose() => _server?.Dispose();

    /// <inheritdoc/>
    public HttpContext CreateContext(IFeatureCollection contextFeatures) => contexts.Create(contextFeatures);

    /// <inheritdoc/>
    public void DisposeContext(HttpContext context, Exception? exception) => contexts.Dispose(context);

    /// <inheritdoc/>
    public async Task ProcessRequestAsync(HttpContext context)
    {
        var body = await ReadAsync(context);
        if (NodeRequest.Read(context) is not { } request)
        {
            Refuse(context, "it is not signed");
        }
        else if (signature.Problem(request, body, out var by) is { } problem)
        {
            Refuse(context, problem);
        }
        else if (by.IsFront && !IsForFronts(request))
        {
            Refuse(context, "the key of fronts is not good for it");
        }
        else if (await FromAsync(request, by.IsFront, context.RequestAborted) is not { } from)
        {
            Refuse(context, "no node of that name and life is written down");
        }
        else if (request.Context.Length > 0)
        {
            await HandOnAsync(context, request);
        }
        else
        {
            await AnswerAsync(context, request, by, body, from);
        }
    }

    private INodeCall? CallOf(NodeRequest request) => HttpMethods.IsPost(request.Method) ? _calls.GetValueOrDefault(request.Target.TrimStart('/')) : null;

    // What a front is asked is signed with its key as well, which is the only one that it has.
    private bool IsForFronts(NodeRequest request) => nodes.Self.IsFront || (request.Context.Length == 0 && CallOf(request) is { IsForFronts: true });

    private async ValueTask<NodeInfo?> FromAsync(NodeRequest request, bool isFront, CancellationToken ct) => CallOf(request) is { IsForNewcomers: true }
        ? new NodeInfo { Name = request.From, Life = "", Version = "", Since = default, IsFront = isFront }
        : await nodes.FindLifeAsync(request.From, isFront && !nodes.Self.IsFront, ct);

    private static async Task<byte[]> ReadAsync(HttpContext context)
    {
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false })
        {
            return [];
        }

        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        return body.ToArray();
    }

    private void Refuse(HttpContext context, string problem)
    {
        Log.NodeRefused(logger, context.Connection.RemoteIpAddress?.ToString() ?? "", problem);
        context.Response.StatusCode = StatusCodes.Status403Forbidden;
    }

    private async Task AnswerAsync(HttpContext context, NodeRequest request, SignedBy by, byte[] question, NodeInfo from)
    {
        var (status, answer) = CallOf(request) is { } call ? await AskAsync(call, question, from, context.RequestAborted) : (StatusCodes.Status404NotFound, []);
        context.Response.StatusCode = status;
        context.Response.Headers[NodeRequest.SignatureHeader] = signature.SignAnswer(request, status, answer, by);
        context.Response.ContentLength = answer.Length;
        await context.Response.Body.WriteAsync(answer, context.RequestAborted);
    }

    private async Task<(int Status, byte[] Answer)> AskAsync(INodeCall call, byte[] question, NodeInfo from, CancellationToken ct)
    {
        try
        {
            return (StatusCodes.Status200OK, await call.AnswerAsync(question, from, ct));
        }
        catch (JsonException)
        {
            return (StatusCodes.Status400BadRequest, []);
        }
        catch (DuplexityException)
        {
            return (StatusCodes.Status503ServiceUnavailable, []);
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            Log.NodeCallFailed(logger, call.Kind, e);
            return (StatusCodes.Status500InternalServerError, []);
        }
    }

    /// <summary>Does with a request that came to another node what this one does with its own.</summary>
    private Task HandOnAsync(HttpContext context, NodeRequest request)
    {
        if (pipeline.Whole is not { } whole)
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return Task.CompletedTask;
        }

        HandedOn.Read(request.Context).Restore(context);
        return whole(context);
    }

    private async Task<IPAddress[]> AddressesAsync(Uri url, CancellationToken ct)
    {
        var addresses = await Dns.GetHostAddressesAsync(url.IdnHost, ct);
        return url.Scheme == Uri.UriSchemeHttps || addresses.All(ClusterCheck.IsPrivate)
            ? addresses
            : throw new ClusterException($"Duplexity:Node:InternalUrl ({url}) is where the world may reach it: take a private address, or https with Duplexity:Node:InternalCertificate.");
    }
}
