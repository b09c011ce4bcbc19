using System.Net.Sockets;
using Duplexity.Server.Diagnostics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// The port of pipes whose resources end TLS themselves: finds the pipe by the name in the first message (SNI), and passes all bytes on unread, that message included. A port of its own, for
/// on the service's HTTPS port Kestrel ends TLS. Thread-safe.
/// </summary>
internal sealed class TlsFront(
    Choice choice, TcpFront connections, IOptions<DuplexityOptions> options, IHostEnvironment environment, TimeProvider time, ILogger<TlsFront> logger) : IHostedService, IDisposable
{
    private const int Backlog = 512;

    // Each holds a socket and at most 16 KB, for as long as a handshake may take: more at once are an attack.
    private const int MostGreeting = 1024;

    // A fatal alert: unrecognized_name. The visitor's browser says so, instead of "the connection was reset".
    private static readonly byte[] Unrecognized = [21, 3, 3, 0, 2, 2, 112];

    private VisitorPort? _port;
    private int _greeting;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.ServesVisitors && options.Value.Pipes.TlsPort is { } port)
        {
            _port = VisitorPort.Open(VisitorPort.AddressOf(options.Value.Pipes, environment), port, Backlog, ServeAsync, time, logger);
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _port?.Dispose();
        return Task.CompletedTask;
    }

    public void Dispose() => _port?.Dispose();

    private async Task ServeAsync(Socket visitor)
    {
        try
        {
            using var connection = new TcpVisitor(visitor);
            var (name, bytes) = await GreetAsync(visitor);
            if (name is not null && PipeNames.KeyOf(name) is { } key && await choice.LocateAsync(key, null, null, null, CancellationToken.None) is { } entry && ResourceText.IsTls(entry.Resource)
                && await connections.TryServeAsync(connection, entry, bytes))
            {
                return;
            }

            if (bytes.Length > 0)
            {
                await visitor.SendAsync(Unrecognized);
            }
        }
        catch (Exception e)
        {
            // A visitor who left in the middle, or a backend that is away: this connection ends, the listener does not.
            Log.VisitorFailed(logger, "tls", e);
            visitor.Dispose();
        }
    }

    /// <summary>Reads the first message; no name: it is none that could be served.</summary>
    private async Task<(string? Name, ReadOnlyMemory<byte> Bytes)> GreetAsync(Socket visitor)
    {
        if (Interlocked.Increment(ref _greeting) > MostGreeting)
        {
            Interlocked.Decrement(ref _greeting);
            return default;
        }

        var (buffer, length, hello) = (new byte[ClientHello.Longest], 0, new ClientHello());
        try
        {
            using var timeout = new CancellationTokenSource(options.Value.Times.Handshake, time);
            while (true)
            {
                var count = await visitor.ReceiveAsync(buffer.AsMemory(length), timeout.Token);
                length += count;
                var (state, name) = hello.Read(buffer.AsSpan(0, length));
                if (count == 0 || state != HelloState.More)
                {
                    return (name, buffer.AsMemory(0, length));
                }
            }
        }
        catch (OperationCanceledException)
        {
            return default; // it had its time
        }
        finally
        {
            Interlocked.Decrement(ref _greeting);
        }
    }
}
