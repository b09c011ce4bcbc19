using Duplexity.Protocol;
using Duplexity.Testing;
using MessagePack;
using MessagePack.Resolvers;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Protocol;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tests.Protocol.Outbound;

/// <summary>Sockets of which every frame that the node sends is kept.</summary>
internal sealed class OutboundRig(TestNode node, bool json) : IAsyncDisposable
{
    private readonly Dictionary<string, (StockSocket Socket, RecordingProtocol Protocol, bool IsControl)> _sockets = [];

    /// <summary>The tokens that were used.</summary>
    public List<string> Tokens { get; } = [];

    /// <summary>A data socket.</summary>
    public Task<StockSocket> DataAsync(string name, string client, string query = "", params (string Name, object Value)[] claims) => ConnectAsync(name, client, $"data{query}", claims);

    /// <summary>A control connection, after Discover.</summary>
    public async Task<StockSocket> ControlAsync(string name, string client, params (string Name, object Value)[] claims)
    {
        var socket = await ConnectAsync(name, client, "control", claims);
        await socket.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest());
        return socket;
    }

    /// <summary>A token that no frame may have.</summary>
    public string Token(string client, params (string Name, object Value)[] claims)
    {
        Tokens.Add(node.Token(client, null, claims));
        return Tokens[^1];
    }

    /// <summary>Every frame up to now, with the socket to which it went and its hub.</summary>
    public IReadOnlyList<(string Socket, string Hub, OutboundFrame Frame)> Frames =>
    [
        .. _sockets.SelectMany(s => s.Value.Protocol.Frames.Select(f => (s.Key, s.Value.IsControl ? "control" : "data", OutboundFrame.Read(
            f, json, s.Value.IsControl ? typeof(IControlHub) : typeof(IDataHub), s.Value.IsControl ? typeof(IControlClient) : typeof(IDataClient), id => s.Value.Protocol.Calls[id])))),
    ];

    public async ValueTask DisposeAsync()
    {
        foreach (var (socket, _, _) in _sockets.Values)
        {
            await socket.DisposeAsync();
        }
    }

    private async Task<StockSocket> ConnectAsync(string name, string client, string hub, (string Name, object Value)[] claims)
    {
        IHubProtocol plain = json ? new JsonHubProtocol() : new MessagePackHubProtocol(Options.Create(new MessagePackHubProtocolOptions
        {
            SerializerOptions = MessagePackSerializerOptions.Standard.WithResolver(StandardResolver.Instance),
        }));
        var protocol = new RecordingProtocol(plain);
        var socket = await StockSocket.ConnectAsync(new Uri(node.Address, hub), Token(client, claims), json, protocol);
        _sockets.Add(name, (socket, protocol, hub == "control"));
        return socket;
    }
}
