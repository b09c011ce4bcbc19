using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Duplexity.Server.Sockets;

namespace Duplexity.Server.Tunnels;

/// <summary>One visitor connection of a TCP pipe: two directions that end separately, a FIN staying a FIN and a reset a reset.</summary>
internal sealed class TcpVisitor : IDisposable
{
    private const int BufferSize = 64 * 1024;
    private readonly System.Net.Sockets.Socket _socket;

    public TcpVisitor(System.Net.Sockets.Socket socket)
    {
        _socket = socket;
        Address = socket.RemoteEndPoint is IPEndPoint peer ? PeerAddresses.Plain(peer.Address) : IPAddress.None;
        _socket.NoDelay = true;
        _socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true); // a visitor whose machine is gone is found by the kernel
    }

    /// <summary>Where it comes from.</summary>
    public IPAddress Address { get; }

    /// <summary>Carries it to its end; <paramref name="first"/> was read already.</summary>
    public async Task RunAsync(CarrierStream carrier, ReadOnlyMemory<byte> first)
    {
        var up = CopyUpAsync(carrier, first);
        var down = CopyDownAsync(carrier);
        if (!await await Task.WhenAny(up, down))
        {
            Break(carrier);
        }

        if (!await up | !await down)
        {
            Break(carrier);
        }
    }

    public void Reset()
    {
        try
        {
            _socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed already.
        }

        _socket.Dispose();
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Ends both sides at once.</summary>
    public void Break(CarrierStream carrier)
    {
        Reset();
        carrier.Abort();
    }

    private async Task<bool> CopyUpAsync(CarrierStream carrier, ReadOnlyMemory<byte> first)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            await carrier.WriteAsync(first);
            int count;
            while ((count = await _socket.ReceiveAsync(buffer.AsMemory())) > 0)
            {
                await carrier.WriteAsync(buffer.AsMemory(0, count));
            }

            await carrier.CompleteWritesAsync(CancellationToken.None);
            return true;
        }
        catch (Exception e) when (IsEnd(e))
        {
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task<bool> CopyDownAsync(CarrierStream carrier)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            int count;
            while ((count = await carrier.ReadAsync(buffer.AsMemory())) > 0)
            {
                for (var sent = 0; sent < count;)
                {
                    sent += await _socket.SendAsync(buffer.AsMemory(sent, count - sent));
                }
            }

            _socket.Shutdown(SocketShutdown.Send);
            return true;
        }
        catch (Exception e) when (IsEnd(e))
        {
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static bool IsEnd(Exception e) => e is IOException or SocketException or ObjectDisposedException;
}
