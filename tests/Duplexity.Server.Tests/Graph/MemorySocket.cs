using System.Buffers;
using System.IO.Pipelines;
using Duplexity.Protocol;
using Duplexity.Server.Sockets;
using Duplexity.Testing;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Protocol;
using Microsoft.Extensions.Logging.Abstractions;
using BytePipe = System.IO.Pipelines.Pipe;
using BytePipeOptions = System.IO.Pipelines.PipeOptions;
using ServerIdentity = Duplexity.Server.Sockets.Identity;

namespace Duplexity.Server.Tests.Graph;

/// <summary>One data connection of a <see cref="MemoryNode"/>: the server's socket, and what was written to it.</summary>
internal sealed class MemorySocket
{
    private static readonly Dictionary<string, Type[]> Events = typeof(IDataClient).GetMethods().ToDictionary(m => m.Name, m => m.GetParameters().Select(p => p.ParameterType).ToArray());

    private readonly MemoryNode _node;
    private readonly BytePipe _out = new(new BytePipeOptions(pauseWriterThreshold: 0));
    private readonly HubConnectionContext _connection;
    private readonly Ending _ending = new();
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<object> _told = [];

    public MemorySocket(MemoryNode node, ServerIdentity identity)
    {
        _node = node;
        var http = new DefaultHttpContext();
        http.Features.Set(identity);
        http.Features.Set<IHttpResponseFeature>(_ending);
        var end = new DuplexPipe(new BytePipe().Reader, _out.Writer);
        var connection = new DefaultConnectionContext($"memory-{node.NextNumber()}", end, end);
        connection.Features.Set<IHttpContextFeature>(new Context { HttpContext = http });
        _connection = new HubConnectionContext(connection, new HubConnectionContextOptions { KeepAliveInterval = TimeSpan.FromDays(1), ClientTimeoutInterval = TimeSpan.FromDays(1) }, NullLoggerFactory.Instance)
        {
            Protocol = node.Protocols.GetProtocol("messagepack", null)!,
        };
    }

    /// <summary>The server's end.</summary>
    public Socket Socket { get; private set; } = null!;

    public string Id => Socket.Id;

    /// <summary>Whether the node has let it go altogether.</summary>
    public bool IsGone => _gone.Task.IsCompleted;

    /// <summary>Completes when the node has let it go altogether.</summary>
    public Task Gone => _gone.Task.Soon();

    public async Task OpenAsync()
    {
        _connection.ConnectionAborted.UnsafeRegister(_ => _ = Task.Run(EndAsync), null);
        await _node.Lifetime.OnConnectedAsync(_connection);
        Socket = _connection.Features.Get<Socket>()!;
        Socket.IsOpenToAnyone = true;
    }

    /// <summary>The other end goes, with a word or without.</summary>
    public Task CloseAsync(bool isLost)
    {
        Socket.WasLost |= isLost;
        _connection.Abort();
        return Gone;
    }

    /// <summary>A held client; null where the socket does not hold it.</summary>
    public HeldIdentity? Held(string client) => Socket.Identities.Find(client);

    public async Task<DuplexityError?> JoinAsync(string client, Address channel, Position? since = null) => Held(client) is { } held
        ? (await _node.Listening.JoinAsync(Socket, held, new JoinRequest { Channel = channel.ToString(), Since = since })).Error
        : IdentityChanges.NotHeld(client);

    public async Task<DuplexityError?> LeaveAsync(string client, Address channel) => Held(client) is { } held
        ? (await _node.Listening.LeaveAsync(Socket, held, new LeaveRequest { Channel = channel.ToString() })).Error
        : IdentityChanges.NotHeld(client);

    /// <summary>Takes on a further client, in the socket's own line of changes.</summary>
    public async Task<DuplexityError?> AuthenticateAsync(ServerIdentity identity) => (await Socket.Identities.ChangeAsync(() => _node.Changes.AddAsync(Socket, identity))).Error;

    public async Task<DuplexityError?> DropAsync(string client) => (await Socket.Identities.ChangeAsync(() => _node.Changes.DropAsync(Socket, client))).Error;

    public ValueTask<SendResponse> SendAsync(string client, string text, params IEnumerable<Address> to) =>
        _node.Machine.SendAsync(Held(client)!.SenderFrom(Id, Socket.Line), new SendRequest { To = [.. to.Select(a => a.ToString())], Text = text });

    public ValueTask<SendResponse> EmitAsync(string client, string text) =>
        _node.Machine.EmitAsync(Held(client)!.SenderFrom(Id, Socket.Line) with { Rooms = Socket.RoomsOf(client) }, new EmitRequest { Text = text });

    /// <summary>All messages that were written to it so far, and the places that moved without one (<see cref="AdvancedEvent"/>), in their order.</summary>
    public IReadOnlyList<object> Told()
    {
        while (_out.Reader.TryRead(out var read))
        {
            var buffer = read.Buffer;
            while (_connection.Protocol.TryParseMessage(ref buffer, Binder.Instance, out var message))
            {
                if (message is InvocationMessage { Target: nameof(IDataClient.Deliver), Arguments: [DeliveredMessage[] batch] })
                {
                    _told.AddRange(batch);
                }
                else if (message is InvocationMessage { Arguments: [AdvancedEvent advanced] })
                {
                    _told.Add(advanced);
                }
            }

            _out.Reader.AdvanceTo(buffer.Start, buffer.End);
        }

        return _told;
    }

    private async Task EndAsync()
    {
        await _node.Lifetime.OnDisconnectedAsync(_connection);
        _node.Forget(this);
        await _ending.EndAsync();
        _gone.TrySetResult();
    }

    private sealed record DuplexPipe(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private sealed class Context : IHttpContextFeature
    {
        public HttpContext? HttpContext { get; set; }
    }

    /// <summary>Says that the connection is through, as a server does.</summary>
    private sealed class Ending : HttpResponseFeature
    {
        private readonly List<Func<Task>> _completed = [];

        public override void OnCompleted(Func<object, Task> callback, object state) => _completed.Add(() => callback(state));

        public Task EndAsync() => Task.WhenAll(_completed.Select(c => c()));
    }

    private sealed class Binder : IInvocationBinder
    {
        public static readonly Binder Instance = new();

        public IReadOnlyList<Type> GetParameterTypes(string methodName) => Events[methodName];

        public Type GetReturnType(string invocationId) => typeof(object);

        public Type GetStreamItemType(string streamId) => typeof(object);
    }
}
