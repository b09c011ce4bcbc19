using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Duplexity.Protocol;
using Duplexity.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tests.Tunnels.Gates;

/// <summary>A whole node, an owner of pipes (amy), and a resource that shows each request as it came.</summary>
internal sealed class GateRig : IAsyncDisposable
{
    private readonly WebApplication _resource;

    private GateRig(TestNode node, DuplexityConnection owner, WebApplication resource) => (Node, Owner, _resource) = (node, owner, resource);

    public TestNode Node { get; }

    /// <summary>Amy's connection.</summary>
    public DuplexityConnection Owner { get; }

    public string Resource => _resource.Urls.Single();

    public static Task<GateRig> StartAsync(Action<TestNodeSetup>? configure = null) => StartAsync(() => TestNode.StartAsync(configure), isOfTestIssuer: false);

    /// <summary>With a node of one's own; amy is of the test's issuer where several nodes are to know her.</summary>
    public static async Task<GateRig> StartAsync(Func<Task<TestNode>> start, bool isOfTestIssuer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var resource = builder.Build();
        resource.UseWebSockets();
        resource.Run(async context =>
        {
            if (context.WebSockets.IsWebSocketRequest)
            {
                using var socket = await context.WebSockets.AcceptWebSocketAsync();
                var buffer = new byte[1024];
                while (await socket.ReceiveAsync(buffer.AsMemory(), context.RequestAborted) is { MessageType: not System.Net.WebSockets.WebSocketMessageType.Close } got)
                {
                    await socket.SendAsync(buffer.AsMemory(0, got.Count), System.Net.WebSockets.WebSocketMessageType.Text, true, context.RequestAborted);
                }

                return;
            }

            if (context.Request.Path == "/stream")
            {
                await context.Response.WriteAsync("first");
                await context.Response.Body.FlushAsync();
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                return;
            }

            var raw = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
            var shown = new StringBuilder($"{context.Request.Method} {raw}\n");
            foreach (var (name, value) in context.Request.Headers)
            {
                shown.Append(name).Append(": ").Append(value).Append('\n');
            }

            await context.Response.WriteAsync(shown.ToString());
        });
        await resource.StartAsync();
        var node = await start();
        var token = isOfTestIssuer ? node.Token("amy") : TokenOf(node, "amy");
        return new(node, await node.ConnectAsync("amy", o => o with { Token = _ => ValueTask.FromResult<string?>(token) }), resource);
    }

    /// <summary>A token of the service's own: beside a provider the test's issuer would need a prefix.</summary>
    public string Token(string client) => TokenOf(Node, client);

    /// <summary>Opens <c>cat1</c> (or another name) for these visitors.</summary>
    public Task<Pipe> OpenAsync(string visitors, string name = "cat1", VisitorLimits? limits = null) =>
        Owner.Pipes.OpenAsync(name, Resource, new PipeOptions { Visitors = visitors.Split(','), Limits = limits }).Soon();

    /// <summary>Visits <c>cat1</c>; what the resource saw is the answer's text.</summary>
    public async Task<(HttpStatusCode Status, string Text, HttpResponseHeaders Headers)> GetAsync(string target = "/", Action<HttpRequestMessage>? with = null, string name = "cat1")
    {
        var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Node.Listening, target));
        with?.Invoke(request);
        using var response = await Node.VisitAsync(name, request).Soon();
        return (response.StatusCode, await response.Content.ReadAsStringAsync().Soon(), response.Headers);
    }

    public static Action<HttpRequestMessage> Basic(string user, string password) =>
        request => request.Headers.Authorization = new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));

    public static Action<HttpRequestMessage> Bearer(string token) => request => request.Headers.Authorization = new("Bearer", token);

    public static Action<HttpRequestMessage> Cookie(string name, string? value) => request => request.Headers.Add("Cookie", $"{name}={value}");

    private static string TokenOf(TestNode node, string client) => node.Services.GetRequiredService<IDuplexity>().CreateToken(client, TimeSpan.FromHours(1));

    public async ValueTask DisposeAsync()
    {
        await Owner.DisposeAsync();
        await Node.DisposeAsync();
        await _resource.StopAsync();
        await _resource.DisposeAsync();
    }
}
