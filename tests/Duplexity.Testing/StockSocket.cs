using System.Threading.Channels;
using Duplexity.Protocol;
using MessagePack;
using MessagePack.Resolvers;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.AspNetCore.SignalR.Protocol;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Testing;

/// <summary>
/// One connection of the stock SignalR client to a node's data or control hub: the wire as any client sees it, without the SDK. Events wait in
/// channels until a test reads them.
/// </summary>
public sealed class StockSocket : IAsyncDisposable
{
    private readonly Channel<DeliveredMessage> _delivered = Channel.CreateUnbounded<DeliveredMessage>();
    private readonly Channel<AdvancedEvent> _advanced = Channel.CreateUnbounded<AdvancedEvent>();
    private readonly TaskCompletionSource<WelcomeEvent> _welcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<DisconnectedEvent> _disconnected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<Exception?> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<PipesResponse> _pipes = Channel.CreateUnbounded<PipesResponse>();

    private StockSocket(HubConnection hub)
    {
        Hub = hub;
        hub.On<WelcomeEvent>(nameof(IDataClient.Welcome), e => _welcome.TrySetResult(e));
        hub.On<DeliveredMessage[]>(nameof(IDataClient.Deliver), batch =>
        {
            foreach (var message in batch)
            {
                _delivered.Writer.TryWrite(message);
            }
        });
        hub.On<AdvancedEvent>(nameof(IDataClient.Advanced), e => _advanced.Writer.TryWrite(e));
        hub.On<PipesResponse>(nameof(IControlClient.PipesAreRegistered), e => _pipes.Writer.TryWrite(e));
        hub.On<DisconnectedEvent>(nameof(IDataClient.Disconnected), e => _disconnected.TrySetResult(e));
        hub.Closed += exception =>
        {
            _closed.TrySetResult(exception);
            return Task.CompletedTask;
        };
    }

    /// <summary>The connection itself.</summary>
    public HubConnection Hub { get; }

    /// <summary>The first event.</summary>
    public WelcomeEvent Welcome { get; private set; } = new();

    /// <summary>The SOCK_ID.</summary>
    public string Id => Welcome.SocketId;

    /// <summary>Completes with the event Disconnected.</summary>
    public Task<DisconnectedEvent> Disconnected => _disconnected.Task.Soon();

    /// <summary>Completes when the connection is closed.</summary>
    public Task<Exception?> Closed => _closed.Task.Soon();

    /// <summary>Whether nothing is waiting to be read.</summary>
    public bool HasNothing => _delivered.Reader.Count == 0;

    /// <summary>Connects to the data hub as <paramref name="client"/> and waits until the node has taken it in.</summary>
    public static async Task<StockSocket> DataAsync(TestNode node, string client, bool json = false, string query = "") =>
        await (await ConnectAsync(new Uri(node.Address, "data" + query), node.Token(client), json)).TakenInAsync(node);

    /// <summary>Connects to the control hub as <paramref name="client"/> and waits for Welcome.</summary>
    public static Task<StockSocket> ControlAsync(TestNode node, string client, bool json = false) =>
        ConnectAsync(new Uri(node.Address, "control"), node.Token(client), json);

    /// <summary>Connects to the data hub as <paramref name="client"/> by a token with these claims and waits until the node has taken it in.</summary>
    public static async Task<StockSocket> DataAsAsync(TestNode node, string client, params (string Name, object Value)[] claims) =>
        await (await ConnectAsync(new Uri(node.Address, "data"), node.Token(client, null, claims))).TakenInAsync(node);

    /// <summary>Connects to the control hub as <paramref name="client"/> by a token with these claims, and calls Discover.</summary>
    public static async Task<StockSocket> DiscoveredAsync(TestNode node, string client, params (string Name, object Value)[] claims)
    {
        var control = await ConnectAsync(new Uri(node.Address, "control"), node.Token(client, null, claims));
        await control.InvokeAsync<DiscoveryResponse>(nameof(IControlHub.Discover), new DiscoveryRequest());
        return control;
    }

    /// <summary>Connects to a hub with a token and waits for Welcome; by a hub protocol of the test's own where it gives one.</summary>
    public static async Task<StockSocket> ConnectAsync(Uri hub, string token, bool json = false, IHubProtocol? protocol = null)
    {
        var builder = new HubConnectionBuilder().WithUrl(hub, options =>
        {
            options.AccessTokenProvider = () => Task.FromResult<string?>(token);
            options.SkipNegotiation = true;
            options.Transports = HttpTransportType.WebSockets;
        });
        if (protocol is not null)
        {
            builder.Services.AddSingleton(protocol);
        }
        else if (!json)
        {
            builder.AddMessagePackProtocol(o => o.SerializerOptions = MessagePackSerializerOptions.Standard.WithResolver(StandardResolver.Instance));
        }

        var socket = new StockSocket(builder.Build());
        try
        {
            await socket.Hub.StartAsync().Soon();
            socket.Welcome = await socket._welcome.Task.Soon();
            return socket;
        }
        catch
        {
            await socket.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until the node has taken a data connection in: Welcome comes before it listens to its own channels and before sweeps and revocations find it.</summary>
    public async Task<StockSocket> TakenInAsync(TestNode node)
    {
        if (!node.LogsConnections)
        {
            return this;
        }

        try
        {
            await node.Logs.WaitForAsync($"{Id} is there", l => l.Event.Name == "SocketConnected" && l.Text.Contains(Id, StringComparison.Ordinal));
            return this;
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    /// <summary>Closes a data connection and waits until the node has let it go.</summary>
    public async Task LeaveAsync(TestNode node)
    {
        await DisposeAsync();
        await node.GoneAsync(Id);
    }

    /// <summary>Invokes a hub method.</summary>
    public Task<TAnswer> InvokeAsync<TAnswer>(string method, Request request) => Hub.InvokeAsync<TAnswer>(method, request).Soon();

    /// <summary>Joins a channel; fails the test if it is refused.</summary>
    public async Task<JoinResponse> JoinAsync(string channel, Position? since = null, int? last = null)
    {
        var answer = await InvokeAsync<JoinResponse>(nameof(IDataHub.Join), new JoinRequest { Channel = channel, Since = since, Last = last });
        return answer.Error is { } error ? throw new DuplexityException(error) : answer;
    }

    /// <summary>Sends text; the answer is the receipt, refused or not.</summary>
    public Task<SendResponse> SendAsync(string text, params string[] to) => InvokeAsync<SendResponse>(nameof(IDataHub.Send), new SendRequest { To = to, Text = text });

    /// <summary>The next message.</summary>
    public Task<DeliveredMessage> NextAsync() => _delivered.Reader.ReadAsync().Soon();

    /// <summary>The texts of the next messages.</summary>
    public async Task<string?[]> TextsAsync(int count)
    {
        var texts = new string?[count];
        for (var i = 0; i < count; i++)
        {
            texts[i] = (await NextAsync()).Text;
        }

        return texts;
    }

    /// <summary>The next event Advanced.</summary>
    public Task<AdvancedEvent> NextAdvancedAsync() => _advanced.Reader.ReadAsync().Soon();

    /// <summary>Collects an event from now on.</summary>
    public ChannelReader<T> Hear<T>(string name)
    {
        var heard = Channel.CreateUnbounded<T>();
        Hub.On<T>(name, e => heard.Writer.TryWrite(e));
        return heard.Reader;
    }

    /// <summary>Adds the client of a token; fails the test if it is refused.</summary>
    public async Task<IdentityInfo> AuthenticateAsync(string token)
    {
        var answer = await InvokeAsync<IdentityResponse>(nameof(IDataHub.Authenticate), new AuthenticateRequest { Token = token });
        return answer.Error is { } error ? throw new DuplexityException(error) : answer.Identity!;
    }

    /// <summary>Sends text as one of the held clients.</summary>
    public Task<SendResponse> SendAsAsync(string? client, string text, params string[] to) =>
        InvokeAsync<SendResponse>(nameof(IDataHub.Send), new SendRequest { As = client, To = to, Text = text });

    /// <summary>The next event PipesAreRegistered.</summary>
    public Task<PipesResponse> NextPipesAsync() => _pipes.Reader.ReadAsync().Soon();

    /// <summary>
    /// Says and hears a word through a room of its own: whatever the node had sent to this socket before has arrived now, so that
    /// <see cref="HasNothing"/> means what it says.
    /// </summary>
    public async Task SettleAsync(StockSocket other)
    {
        var room = $"room:settle-{Id}";
        await JoinAsync(room);
        await other.SendAsync("settled", room);
        var held = new List<DeliveredMessage>();
        for (var message = await NextAsync(); message.Channel != room; message = await NextAsync())
        {
            held.Add(message);
        }

        held.ForEach(m => _delivered.Writer.TryWrite(m));
        await InvokeAsync<Done>(nameof(IDataHub.Leave), new LeaveRequest { Channel = room });
    }

    /// <summary>Closes the connection.</summary>
    public ValueTask DisposeAsync() => Hub.DisposeAsync();
}
