using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace Duplexity.Carriers;

/// <summary>One open connection to a resource, whose two directions end separately.</summary>
internal sealed class ResourceConnection(Socket socket, Stream stream) : IDisposable
{
    public Stream Stream => stream;

    /// <summary>This program's end, as the resource sees it; null for what has no address, such as a Unix socket.</summary>
    public IPEndPoint? LocalEnd => socket.LocalEndPoint as IPEndPoint;

    /// <summary>Tells the resource that no more bytes come; what it still answers can be read.</summary>
    public async Task CompleteWritesAsync()
    {
        try
        {
            if (stream is SslStream tls)
            {
                await tls.ShutdownAsync().ConfigureAwait(false);
            }

            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // The resource is gone already. What it sent before it went is still being read, and that side tells how it ended.
        }
    }

    /// <summary>Ends the connection with a reset, so that the resource cannot take a visitor who gave up for one who finished.</summary>
    public void Reset()
    {
        try
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or NotSupportedException)
        {
            // It is closed already, or a kind of socket that knows no resets: closing it is all that is left.
        }

        socket.Dispose();
    }

    public void Dispose() => stream.Dispose();
}
