using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Duplexity.Testing;
using MessagePack;

namespace Duplexity.Server.Tests.Hubs.Hostile;

/// <summary>A WebSocket to a hub that sends whatever bytes it is given, and keeps what came back: answers by call, and how it ended.</summary>
internal sealed class HostileSocket : IAsyncDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly bool _json;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (int? Code, string? SignalR)> _answers = [];
    private readonly TaskCompletionSource _handshake = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private HostileSocket(bool json) => _json = json;

    /// <summary>Completes when the connection is over.</summary>
    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <summary>The code of Disconnected, where it came.</summary>
    public int? EndCode { get; private set; }

    /// <summary>Every answer up to now by the call's id: the code of its error, 0 where it has none; the text where SignalR itself refused.</summary>
    public IReadOnlyDictionary<string, (int? Code, string? SignalR)> Answers
    {
        get
        {
            lock (_lock)
            {
                return _answers.ToDictionary();
            }
        }
    }

    public static async Task<HostileSocket> ConnectAsync(TestNode node, string hub, string token, bool json)
    {
        var socket = new HostileSocket(json);
        socket._socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        await socket._socket.ConnectAsync(new UriBuilder(new Uri(node.Address, hub)) { Scheme = "ws" }.Uri, CancellationToken.None).Soon();
        socket.Ended = socket.ReadAsync();
        await socket.SendAsync(Encoding.UTF8.GetBytes($"{{\"protocol\":\"{(json ? "json" : "messagepack")}\",\"version\":1}}\u001e"));
        await socket._handshake.Task.Soon();
        return socket;
    }

    /// <summary>Sends a frame; false where the connection is over.</summary>
    public async Task<bool> SendAsync(byte[] frame)
    {
        try
        {
            await _socket.SendAsync(frame, _json ? WebSocketMessageType.Text : WebSocketMessageType.Binary, true, CancellationToken.None).Soon();
            return true;
        }
        catch (Exception e) when (e is WebSocketException or ObjectDisposedException or InvalidOperationException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Waits until each call of <paramref name="owed"/> is answered, or the connection is over.</summary>
    public async Task SettleAsync(IReadOnlyCollection<string> owed)
    {
        while (!Ended.IsCompleted)
        {
            Task changed;
            lock (_lock)
            {
                if (owed.All(_answers.ContainsKey))
                {
                    return;
                }

                changed = _changed.Task;
            }

            await Task.WhenAny(changed, Ended).Soon(what: $"answers to {owed.Count} calls; missing {string.Join(", ", owed.Except(Answers.Keys).Take(5))}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Abort();
        await Ended.Soon();
        _socket.Dispose();
    }

    private async Task ReadAsync()
    {
        var buffer = new byte[64 * 1024];
        var pending = new List<byte>();
        try
        {
            while (true)
            {
                var result = await _socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                if (result.MessageType == WebSocketMessageType.Close)
                {
                    return;
                }

                pending.AddRange(buffer.AsSpan(0, result.Count));
                while (Take(pending) is { } message)
                {
                    Read(message);
                }
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Cut: an end like any other.
        }
        finally
        {
            _handshake.TrySetResult();
        }
    }

    /// <summary>The next whole message of what has arrived; null: not yet.</summary>
    private byte[]? Take(List<byte> pending)
    {
        var isText = _json || !_handshake.Task.IsCompleted;
        int from = 0, length = -1;
        if (isText)
        {
            length = pending.IndexOf(0x1e);
        }
        else if (pending.FindIndex(b => b < 0x80) is >= 0 and var last)
        {
            from = last + 1;
            length = 0;
            for (var i = 0; i <= last; i++)
            {
                length |= (pending[i] & 0x7f) << (7 * i);
            }
        }

        if (length < 0 || pending.Count < from + length)
        {
            return null;
        }

        var message = pending.GetRange(from, length).ToArray();
        pending.RemoveRange(0, from + length + (isText ? 1 : 0));
        return message;
    }

    private void Read(byte[] message)
    {
        if (_handshake.TrySetResult())
        {
            return;
        }

        var (type, id, code, refusal, target) = _json ? ReadJson(message) : ReadMessagePack(message);
        if (type == 1 && target == "Disconnected")
        {
            EndCode = code;
        }

        if (type != 3)
        {
            return;
        }

        lock (_lock)
        {
            _answers[id!] = (code, refusal);
            _changed.TrySetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private static (int Type, string? Id, int? Code, string? Refusal, string? Target) ReadJson(byte[] message)
    {
        using var document = JsonDocument.Parse(message);
        var root = document.RootElement;
        var type = root.GetProperty("type").GetInt32();
        if (type == 1)
        {
            var target = root.GetProperty("target").GetString();
            return (type, null, target == "Disconnected" ? root.GetProperty("arguments")[0].GetProperty("code").GetInt32() : null, null, target);
        }

        if (type != 3)
        {
            return (type, null, null, null, null);
        }

        var refusal = root.TryGetProperty("error", out var text) ? text.GetString() : null;
        int? code = refusal is not null ? null : root.TryGetProperty("result", out var result) && result.TryGetProperty("error", out var error) ? error.GetProperty("code").GetInt32() : 0;
        return (type, root.GetProperty("invocationId").GetString(), code, refusal, null);
    }

    private static (int Type, string? Id, int? Code, string? Refusal, string? Target) ReadMessagePack(byte[] message)
    {
        var parts = (object?[])MessagePackSerializer.Deserialize<object?>(message)!;
        var type = Convert.ToInt32(parts[0]);
        if (type == 1)
        {
            var target = (string)parts[3]!;
            return (type, null, target == "Disconnected" ? Convert.ToInt32(((object?[])((object?[])parts[4]!)[0]!)[0]) : null, null, target);
        }

        if (type != 3)
        {
            return (type, null, null, null, null);
        }

        // 1: SignalR's own error, 3: a result; an answer's error is its first part, an error's code its own first part.
        var refusal = Convert.ToInt32(parts[3]) == 1 ? (string?)parts[4] : null;
        int? code = refusal is not null ? null : ((object?[])parts[4]!)[0] is object?[] error ? Convert.ToInt32(error[0]) : 0;
        return (type, (string)parts[2]!, code, refusal, null);
    }
}
