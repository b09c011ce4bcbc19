using System.Reflection;
using Duplexity.Links;
using Duplexity.Protocol;
using FluentAssertions;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.AspNetCore.SignalR.Protocol;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using System.Net;
using System.Buffers;
using System.IO.Pipelines;
using System.Threading.Channels;
using Xunit;

namespace Duplexity.Server.Tests.Client;

/// <summary>The hand-written proxies: every method of the protocol's interfaces goes over the wire under its own name, with its own record.</summary>
public sealed class ProxyTests
{
    [Theory]
    [InlineData(typeof(IDataHub), typeof(DataHubProxy))]
    [InlineData(typeof(IControlHub), typeof(ControlHubProxy))]
    public async Task Every_method_of_a_hub_is_an_invocation_of_its_name_with_its_request(Type hub, Type proxy)
    {
        foreach (var method in hub.GetMethods())
        {
            await using var wire = await Wire.OpenAsync();
            var instance = Activator.CreateInstance(proxy, wire.Connection)!;
            var request = Activator.CreateInstance(method.GetParameters().Single().ParameterType)!;
            var answer = Activator.CreateInstance(method.ReturnType.GetGenericArguments().Single())!;

            var call = (Task)method.Invoke(instance, [request])!;
            var invocation = await wire.ReadInvocationAsync();
            await wire.WriteAsync(CompletionMessage.WithResult(invocation.InvocationId!, answer));
            await call.WaitAsync(TimeSpan.FromSeconds(30));

            invocation.Target.Should().Be(method.Name);
            invocation.Arguments.Should().ContainSingle();
            call.GetType().GetProperty("Result")!.GetValue(call).Should().BeOfType(answer.GetType());
        }
    }

    [Theory]
    [InlineData(typeof(IDataClient), typeof(DataHubProxy))]
    [InlineData(typeof(IControlClient), typeof(ControlHubProxy))]
    public async Task Every_event_of_a_hub_reaches_the_method_of_its_name(Type client, Type proxy)
    {
        await using var wire = await Wire.OpenAsync();
        var calls = Channel.CreateUnbounded<string>();
        var sink = Recorder.Of(client, calls.Writer);
        proxy.GetMethod("Register", BindingFlags.Public | BindingFlags.Static)!.Invoke(null, [wire.Connection, sink]);

        foreach (var method in client.GetMethods())
        {
            var type = method.GetParameters().Single().ParameterType;
            var argument = type.IsArray ? Array.CreateInstance(type.GetElementType()!, 0) : Activator.CreateInstance(type)!;
            await wire.WriteAsync(new InvocationMessage(method.Name, [argument]));

            (await calls.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30))).Should().Be(method.Name);
        }
    }

    /// <summary>Tells which method was called, for any interface of tasks.</summary>
    public class Recorder : DispatchProxy
    {
        private ChannelWriter<string>? _calls;

        public static object Of(Type type, ChannelWriter<string> calls)
        {
            var proxy = typeof(DispatchProxy).GetMethod(nameof(Create), 2, [])!.MakeGenericMethod(type, typeof(Recorder)).Invoke(null, null)!;
            ((Recorder)proxy)._calls = calls;
            return proxy;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            _calls!.TryWrite(targetMethod!.Name);
            return Task.CompletedTask;
        }
    }

    /// <summary>A hub connection whose other end is the test.</summary>
    private sealed class Wire : IAsyncDisposable, IConnectionFactory
    {
        private readonly JsonHubProtocol _protocol = new();
        private readonly IDuplexPipe _near;
        private readonly IDuplexPipe _far;

        private Wire()
        {
            var up = new System.IO.Pipelines.Pipe();
            var down = new System.IO.Pipelines.Pipe();
            _near = new Ends(down.Reader, up.Writer);
            _far = new Ends(up.Reader, down.Writer);
        }

        public HubConnection Connection { get; private set; } = null!;

        public static async Task<Wire> OpenAsync()
        {
            var wire = new Wire();
            wire.Connection = new HubConnection(wire, wire._protocol, new IPEndPoint(IPAddress.Loopback, 1), new ServiceCollection().BuildServiceProvider(), NullLoggerFactory.Instance);
            var starting = wire.Connection.StartAsync();
            await wire.ReadFrameAsync();
            await wire._far.Output.WriteAsync(HandshakeProtocol.GetSuccessfulHandshake(wire._protocol).ToArray());
            await starting.WaitAsync(TimeSpan.FromSeconds(30));
            return wire;
        }

        public ValueTask<ConnectionContext> ConnectAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
            new(new DefaultConnectionContext("test", _near, _far));

        public async Task<InvocationMessage> ReadInvocationAsync()
        {
            var frame = await ReadFrameAsync();
            _protocol.TryParseMessage(ref frame, new AnyBinder(), out var message).Should().BeTrue();
            return message is PingMessage ? await ReadInvocationAsync() : message.Should().BeOfType<InvocationMessage>().Subject;
        }

        public async Task WriteAsync(HubMessage message) => await _far.Output.WriteAsync(_protocol.GetMessageBytes(message));

        public async ValueTask DisposeAsync() => await Connection.DisposeAsync();

        private async Task<ReadOnlySequence<byte>> ReadFrameAsync()
        {
            while (true)
            {
                var read = await _far.Input.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));
                if (read.Buffer.PositionOf((byte)0x1e) is { } end)
                {
                    var frame = new ReadOnlySequence<byte>(read.Buffer.Slice(0, read.Buffer.GetPosition(1, end)).ToArray());
                    _far.Input.AdvanceTo(read.Buffer.GetPosition(1, end));
                    return frame;
                }

                _far.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            }
        }

        private sealed record Ends(PipeReader Input, PipeWriter Output) : IDuplexPipe;

        private sealed class AnyBinder : IInvocationBinder
        {
            public IReadOnlyList<Type> GetParameterTypes(string methodName) => [typeof(object)];

            public Type GetReturnType(string invocationId) => typeof(object);

            public Type GetStreamItemType(string streamId) => typeof(object);
        }
    }
}
