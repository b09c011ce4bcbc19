using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Duplexity.Testing;

/// <summary>
/// A hub connection over a plain socket, JSON protocol: it reads only when the test reads, so that a client that has stopped reading can be played, down to
/// the kernel's buffer.
/// </summary>
public sealed class RawHub : IAsyncDisposable
{
    private const char RecordEnd = '\u001e';

    private readonly RawVisitor _wire;
    private readonly Queue<JsonElement> _messages = new();
    private readonly List<byte> _partial = [];
    private int _invocations;

    private RawHub(RawVisitor wire) => _wire = wire;

    /// <summary>The socket below.</summary>
    public RawVisitor Wire => _wire;

    /// <summary>Opens <paramref name="hub"/> (<c>data?session=…</c>) with a token (null: it is in the query, as browsers do), and shakes hands.</summary>
    public static async Task<RawHub> ConnectAsync(TestNode node, string hub, string? token, int? receiveBuffer = null)
    {
        var wire = await RawVisitor.ConnectAsync(node.Port, receiveBuffer);
        await wire.RequestAsync(
            $"GET {new Uri(node.Address, hub).PathAndQuery} HTTP/1.1",
            $"127.0.0.1:{node.Port}",
            token is null ? "Accept: */*" : $"Authorization: Bearer {token}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==");
        var head = await wire.ReadHeadAsync();
        if (!head.StartsWith("HTTP/1.1 101 ", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"No upgrade: {head}");
        }

        var raw = new RawHub(wire);
        await raw.SendAsync("""{"protocol":"json","version":1}""");
        await raw.ReadAsync();
        return raw;
    }

    /// <summary>Calls a method; the answer comes as a message of type 3.</summary>
    public Task InvokeAsync(string method, object argument) =>
        SendAsync(JsonSerializer.Serialize(new { type = 1, invocationId = $"{++_invocations}", target = method, arguments = new[] { argument } }));

    /// <summary>Calls a method and reads until its answer; events before it are dropped unless <paramref name="seen"/> takes them.</summary>
    public async Task<JsonElement> AskAsync(string method, object argument, Action<JsonElement>? seen = null)
    {
        await InvokeAsync(method, argument);
        while (await ReadAsync() is { } message)
        {
            if (message.TryGetProperty("invocationId", out var id) && id.GetString() == $"{_invocations}")
            {
                return message.TryGetProperty("result", out var result) ? result : throw new InvalidOperationException($"{method} failed: {message}");
            }

            seen?.Invoke(message);
        }

        throw new IOException($"The connection ended before {method} was answered.");
    }

    /// <summary>Reads until an event of this name.</summary>
    public async Task<JsonElement> EventAsync(string name)
    {
        while (await ReadAsync() is { } message)
        {
            if (message.TryGetProperty("target", out var target) && target.GetString() == name)
            {
                return message.GetProperty("arguments")[0];
            }
        }

        throw new IOException($"The connection ended before {name}.");
    }

    /// <summary>The next message; null at the end of the connection, however it ended.</summary>
    public async Task<JsonElement?> ReadAsync()
    {
        while (_messages.Count == 0)
        {
            if (!await ReadFrameAsync())
            {
                return null;
            }
        }

        return _messages.Dequeue();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _wire.DisposeAsync();

    private Task SendAsync(string text)
    {
        var payload = Encoding.UTF8.GetBytes(text + RecordEnd);
        if (payload.Length > ushort.MaxValue)
        {
            throw new ArgumentException("A test's call fits into one frame of 64 KB.", nameof(text));
        }

        // Text, final, masked with four zeros: which is no mask.
        byte[] head = payload.Length < 126
            ? [0x81, (byte)(0x80 | payload.Length), 0, 0, 0, 0]
            : [0x81, 0x80 | 126, (byte)(payload.Length >> 8), (byte)payload.Length, 0, 0, 0, 0];
        return _wire.SendAsync((byte[])[.. head, .. payload]);
    }

    /// <summary>Reads one WebSocket frame; false when the connection is over.</summary>
    private async Task<bool> ReadFrameAsync()
    {
        try
        {
            var head = await _wire.ReadExactlyAsync(2);
            long length = head[1] & 0x7f;
            length = length switch
            {
                126 => BinaryPrimitives.ReadUInt16BigEndian(await _wire.ReadExactlyAsync(2)),
                127 => BinaryPrimitives.ReadInt64BigEndian(await _wire.ReadExactlyAsync(8)),
                _ => length,
            };
            var payload = await _wire.ReadExactlyAsync((int)length);
            switch (head[0] & 0x0f)
            {
                case 0 or 1:
                    Take(payload);
                    return true;
                case 8:
                    return false;
                default:
                    return true;
            }
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
        {
            // Aborted: an end like any other to a reader.
            return false;
        }
    }

    private void Take(byte[] payload)
    {
        foreach (var b in payload)
        {
            if (b != RecordEnd)
            {
                _partial.Add(b);
                continue;
            }

            using var document = JsonDocument.Parse(_partial.ToArray());
            _messages.Enqueue(document.RootElement.Clone());
            _partial.Clear();
        }
    }
}
