using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Duplexity.Testing;

/// <summary>One end of a plain TCP connection that says and hears exactly the bytes that the test means: a visitor, a resource's side, or a client of our own.</summary>
public sealed class RawVisitor : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    internal RawVisitor(Socket socket)
    {
        _socket = socket;
        _socket.NoDelay = true;
    }

    /// <summary>The connection's own socket, for the tests that count what the kernel has.</summary>
    public Socket Socket => _socket;

    /// <summary>Connects to a port on loopback.</summary>
    public static Task<RawVisitor> ConnectAsync(Uri address) => ConnectAsync(address.Port);

    /// <summary>Connects to a port on loopback; <paramref name="receiveBuffer"/> makes the kernel's part small for readers that are to be slow.</summary>
    public static async Task<RawVisitor> ConnectAsync(int port, int? receiveBuffer = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        if (receiveBuffer is { } size)
        {
            socket.ReceiveBufferSize = size;
        }

        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port)).Soon();
        return new RawVisitor(socket);
    }

    /// <summary>Sends text as Latin-1: one char, one byte.</summary>
    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    /// <summary>Sends bytes.</summary>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await _socket.SendAsync(bytes).Soon()..];
        }
    }

    /// <summary>Sends a request's head: the request line, <c>Host</c>, then the further header lines.</summary>
    public Task RequestAsync(string requestLine, string host, params string[] headers) =>
        SendAsync($"{requestLine}\r\nHost: {host}\r\n{string.Concat(headers.Select(h => h + "\r\n"))}\r\n");

    /// <summary>Reads up to and with the empty line: the head of a request or answer, as Latin-1.</summary>
    public async Task<string> ReadHeadAsync(TimeSpan? timeout = null)
    {
        var head = new StringBuilder();
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            var next = await ReadByteAsync(timeout);
            if (next < 0)
            {
                throw new IOException($"The connection ended within a head: {head}");
            }

            head.Append((char)next);
        }

        return head.ToString();
    }

    /// <summary>Reads one line without its end; null at the end of the stream.</summary>
    public async Task<string?> ReadLineAsync(TimeSpan? timeout = null)
    {
        var line = new StringBuilder();
        while (true)
        {
            var next = await ReadByteAsync(timeout);
            switch (next)
            {
                case < 0:
                    return line.Length == 0 ? null : line.ToString();
                case '\n':
                    return line.ToString().TrimEnd('\r');
                default:
                    line.Append((char)next);
                    break;
            }
        }
    }

    /// <summary>Reads exactly so many bytes.</summary>
    public async Task<byte[]> ReadExactlyAsync(int count, TimeSpan? timeout = null)
    {
        var bytes = new byte[count];
        for (var filled = 0; filled < count;)
        {
            var read = await ReadAsync(bytes.AsMemory(filled), timeout);
            if (read == 0)
            {
                throw new IOException($"The connection ended after {filled} of {count} bytes.");
            }

            filled += read;
        }

        return bytes;
    }

    /// <summary>Reads what there is, at least one byte; 0 at the end of the stream.</summary>
    public async Task<int> ReadAsync(Memory<byte> into, TimeSpan? timeout = null)
    {
        if (_start == _end)
        {
            _start = 0;
            _end = await _socket.ReceiveAsync(_buffer).Soon(timeout);
        }

        var count = Math.Min(into.Length, _end - _start);
        _buffer.AsMemory(_start, count).CopyTo(into);
        _start += count;
        return count;
    }

    /// <summary>Reads everything until the other end says that it has said all, as Latin-1.</summary>
    public async Task<string> ReadToEndAsync(TimeSpan? timeout = null)
    {
        var text = new StringBuilder();
        var bytes = new byte[16 * 1024];
        while (await ReadAsync(bytes, timeout) is var read and > 0)
        {
            text.Append(Encoding.Latin1.GetString(bytes, 0, read));
        }

        return text.ToString();
    }

    /// <summary>Says that nothing more will be sent (FIN); reading goes on.</summary>
    public void FinishSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <summary>Gives up at once (RST).</summary>
    public void Reset()
    {
        _socket.LingerState = new LingerOption(true, 0);
        _socket.Dispose();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<int> ReadByteAsync(TimeSpan? timeout)
    {
        if (_start == _end)
        {
            _start = 0;
            _end = await _socket.ReceiveAsync(_buffer).Soon(timeout);
            if (_end == 0)
            {
                return -1;
            }
        }

        return _buffer[_start++];
    }
}
