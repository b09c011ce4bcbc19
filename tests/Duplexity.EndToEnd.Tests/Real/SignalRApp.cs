using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Connections.Features;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>Somebody's SignalR application, with a hub at <c>/hub</c> that uses all of SignalR.</summary>
public sealed class SignalRApp : IAsyncDisposable
{
    private readonly WebApplication _app;

    private SignalRApp(WebApplication app) => _app = app;

    /// <summary>The port.</summary>
    public int Port => new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;

    /// <summary>Each connection that is over: "good" when its client said so or just went, else the error.</summary>
    public ChannelReader<string> Left => _app.Services.GetRequiredService<Channel<string>>();

    /// <summary>Starts it on a loopback port.</summary>
    public static async Task<SignalRApp> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(Channel.CreateUnbounded<string>());
        builder.Services
            .AddSignalR(o =>
            {
                o.MaximumReceiveMessageSize = null;
                // A method may ask its caller back.
                o.MaximumParallelInvocationsPerClient = 2;
            })
            .AddMessagePackProtocol();
        var app = builder.Build();
        app.MapHub<EverythingHub>("/hub");
        await app.StartAsync();
        return new SignalRApp(app);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private sealed class EverythingHub(Channel<string> left) : Hub
    {
        public string Transport() => Context.Features.Get<IHttpTransportFeature>()!.TransportType.ToString();

        public string Echo(string text) => text;

        public byte[] Reverse(byte[] bytes) => [.. bytes.Reverse()];

        public async IAsyncEnumerable<int> Count(int to, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            for (var i = 1; i <= to; i++)
            {
                await Task.Yield();
                cancellationToken.ThrowIfCancellationRequested();
                yield return i;
            }
        }

        public async Task<int> Sum(IAsyncEnumerable<int> numbers)
        {
            var sum = 0;
            await foreach (var number in numbers)
            {
                sum += number;
            }

            return sum;
        }

        public async Task<string> AskBack(string question) => "you said: " + await Clients.Caller.InvokeAsync<string>("Answer", question, Context.ConnectionAborted);

        public Task TellAll(string text) => Clients.All.SendAsync("Told", text);

        public void Fail() => throw new HubException("on purpose");

        public override Task OnDisconnectedAsync(Exception? exception)
        {
            left.Writer.TryWrite(exception?.Message ?? "good");
            return Task.CompletedTask;
        }
    }
}
