using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;

namespace Duplexity.Testing;

/// <summary>
/// A line between a node and its Redis that loses pub/sub messages and takes its time, and nothing else: every command and every answer arrives. It reads RESP2, so a node connects with its default protocol.
/// Without Redis behind it, a line between any two that takes its time.
/// </summary>
internal sealed class FaultProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _target;
    private readonly bool _isRedis;
    private readonly Task _accepting;
    private int _lost;
    private int _isDisposed;

    public FaultProxy(int target, bool isRedis = true)
    {
        (_target, _isRedis) = (target, isRedis);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>What a node is given.</summary>
    public string Connection => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Which share of the pub/sub messages is lost: 0 to 1.</summary>
    public double Loss { get; set; }

    /// <summary>How long everything takes in each direction, from now on; a new connection that is not to Redis once there and back, as its handshake would. After an hour nobody waits any more: the line is dead, and nobody is told.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>How many pub/sub messages were lost.</summary>
    public int Lost => Volatile.Read(ref _lost);

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 1)
        {
            return;
        }

        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }

    private static async Task CopyAsync(NetworkStream from, Func<byte[], ValueTask> to, CancellationToken ct)
    {
        var buffer = new byte[64 * 1024];
        for (int read; (read = await from.ReadAsync(buffer, ct)) > 0;)
        {
            await to(buffer[..read]);
        }
    }

    /// <summary>The length of the RESP value at the beginning; 0: not whole yet.</summary>
    private static int Length(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf("\r\n"u8);
        if (end < 0)
        {
            return 0;
        }

        var length = end + 2;
        var isArray = bytes[0] == '*';
        if (!isArray && bytes[0] != '$')
        {
            return length;
        }

        var count = int.Parse(Encoding.ASCII.GetString(bytes[1..end]), System.Globalization.CultureInfo.InvariantCulture);
        if (!isArray)
        {
            return count < 0 ? length : bytes.Length >= length + count + 2 ? length + count + 2 : 0;
        }

        for (; count > 0; count--)
        {
            if (Length(bytes[length..]) is var part && part == 0)
            {
                return 0;
            }

            length += part;
        }

        return length;
    }

    private async Task AcceptAsync()
    {
        var lines = new List<Task>();
        try
        {
            while (true)
            {
                lines.Add(CarryAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            await Task.WhenAll(lines);
        }
    }

    private async Task CarryAsync(TcpClient client)
    {
        using var there = client;
        using var target = new TcpClient();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        try
        {
            await target.ConnectAsync(IPAddress.Loopback, _target, over.Token);
            client.NoDelay = target.NoDelay = true;
            await Task.Delay(_isRedis ? TimeSpan.Zero : 2 * Delay, over.Token);
            await using var asks = new Line(target.GetStream(), this, over.Token);
            await using var answers = new Line(client.GetStream(), this, over.Token);
            await Task.WhenAny(
                CopyAsync(client.GetStream(), asks.SendAsync, over.Token),
                _isRedis ? ReadAnswersAsync(target.GetStream(), answers, over.Token) : CopyAsync(target.GetStream(), answers.SendAsync, over.Token));
            await over.CancelAsync();
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or IOException)
        {
            // One of the two has gone.
        }
    }

    private async Task ReadAnswersAsync(NetworkStream from, Line to, CancellationToken ct)
    {
        var reader = PipeReader.Create(from);
        while (true)
        {
            var read = await reader.ReadAsync(ct);
            var rest = read.Buffer.ToArray();
            var taken = 0;
            while (Length(rest.AsSpan(taken)) is var length and > 0)
            {
                var value = rest[taken..(taken + length)];
                taken += length;
                if (value.AsSpan().StartsWith("*3\r\n$7\r\nmessage\r\n"u8) && Random.Shared.NextDouble() < Loss)
                {
                    Interlocked.Increment(ref _lost);
                }
                else
                {
                    await to.SendAsync(value);
                }
            }

            reader.AdvanceTo(read.Buffer.GetPosition(taken), read.Buffer.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>One direction: what is sent arrives after the delay, in its order.</summary>
    private sealed class Line : IAsyncDisposable
    {
        private readonly Channel<(byte[] Bytes, DateTime Due)> _under = Channel.CreateUnbounded<(byte[], DateTime)>();
        private readonly FaultProxy _proxy;
        private readonly Task _sending;

        public Line(NetworkStream to, FaultProxy proxy, CancellationToken ct)
        {
            _proxy = proxy;
            _sending = WriteAsync(to, ct);
        }

        public ValueTask SendAsync(byte[] bytes) => _under.Writer.WriteAsync((bytes, DateTime.UtcNow + _proxy.Delay));

        public async ValueTask DisposeAsync()
        {
            _under.Writer.TryComplete();
            await _sending;
        }

        private async Task WriteAsync(NetworkStream to, CancellationToken ct)
        {
            try
            {
                await foreach (var (bytes, due) in _under.Reader.ReadAllAsync(ct))
                {
                    if (due - DateTime.UtcNow is var left && left > TimeSpan.Zero)
                    {
                        await Task.Delay(left, ct);
                    }

                    await to.WriteAsync(bytes, ct);
                }
            }
            catch (Exception e) when (e is OperationCanceledException or IOException)
            {
                // One of the two has gone.
            }
        }
    }
}
