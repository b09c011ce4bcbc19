using System.Text;
using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Server.Tests.Protocol;
using MessagePack;

namespace Duplexity.Server.Tests.Hubs.Hostile;

/// <summary>What a hostile client sends, by a seed: calls of every method with random and mutated arguments, and frames that are no calls at all. The same seed makes the same frames.</summary>
internal sealed class HostileMessages(int seed, Type hub, bool json)
{
    private const byte RecordEnd = 0x1e;

    private static readonly string[] Words =
    [
        "", " ", "room:lobby", "room:", "client:amy", "client:*", "feed:x", "socket:0", "service:entry", "lockspace:s", "*", "null", "\0", "\u202eevil", "\ud83d", "../..", "a\r\nb",
        "\u001b]8;;x\u0007", "<b>", "{{7*7}}", new('x', 300), new('é', 130), "stored", "acknowledged", "send", "publish", "true", "-1", "1e999",
    ];

    private readonly Random _random = new(seed);
    private readonly Func<object?, object>[] _wild =
    [
        _ => new object?[] { }, _ => new Dictionary<string, object?> { ["a"] = 1 }, _ => -1, _ => long.MaxValue, _ => 0.5, _ => true, _ => "text", v => new[] { v, v }, _ => new byte[] { 0xc1, 0xff }, _ => Nested(31),
        _ => ulong.MaxValue, _ => new Dictionary<string, object?> { [""] = null },
    ];

    private int _calls;

    /// <summary>What was called.</summary>
    public HashSet<string> Called { get; } = [];

    /// <summary>Whether a frame was cut or changed, so that where the next one begins is the reader's guess: what follows is owed nothing.</summary>
    public bool IsOutOfStep { get; private set; }

    /// <summary>The next frame; the id of the call where it is a whole one, which is then owed an answer.</summary>
    public (byte[] Frame, string? Owed) Next() => _random.Next(60) switch
    {
        0 => (Mutated(Call(Method(), Argument(Method())).Frame), null),
        <= 3 => (Frame([_random.Next(-5, 120), new Dictionary<string, object?>(), $"{++_calls}", "Send", new object?[] { null }], _random.Next(-5, 120)), null),
        <= 6 => Call(Words[_random.Next(Words.Length)], Argument(Method())),
        <= 9 => Call(Method(), Wild(null)),
        <= 12 => Call(Method(), null),
        13 => (Call(Method(), Nested(_random.Next(2) == 0 ? 40 : 2_000)).Frame, null),
        _ => Call(Method(), Argument(Method())),
    };

    /// <summary>A call that the hub wants to hear first: without Discover, control hears nothing else.</summary>
    public (byte[] Frame, string Owed) First() => Plain(hub == typeof(IDataHub) ? "Open" : "Discover");

    /// <summary>A call that is answered whatever came before it.</summary>
    public (byte[] Frame, string Owed) Last() => Plain(hub == typeof(IDataHub) ? "History" : "ListSockets");

    private (byte[] Frame, string Owed) Plain(string method) => json ? Call(method, new Dictionary<string, object?>()) : Call(method, Array.Empty<object?>());

    /// <summary>A call of a method with this argument.</summary>
    public (byte[] Frame, string Owed) Call(string method, object? argument)
    {
        var id = $"{++_calls}";
        Called.Add(method);
        return (Frame([1, new Dictionary<string, object?>(), id, method, new[] { argument }], 1), id);
    }

    private byte[] Frame(object?[] parts, int type)
    {
        if (json)
        {
            var message = new Dictionary<string, object?> { ["type"] = type, ["invocationId"] = parts[2], ["target"] = parts[3], ["arguments"] = parts[4] };
            return [.. JsonSerializer.SerializeToUtf8Bytes(message, new JsonSerializerOptions { MaxDepth = 5_000 }), RecordEnd];
        }

        var body = MessagePackSerializer.Serialize<object?>(parts);
        var length = new List<byte>();
        for (var rest = (uint)body.Length; ; rest >>= 7)
        {
            length.Add((byte)(rest < 0x80 ? rest : (rest & 0x7f) | 0x80));
            if (rest < 0x80)
            {
                return [.. length, .. body];
            }
        }
    }

    private string Method()
    {
        var methods = hub.GetMethods();
        return methods[_random.Next(methods.Length)].Name;
    }

    /// <summary>A record of a method, each member absent, right or wild: an object in JSON, an array by position in MessagePack.</summary>
    private object Argument(string method)
    {
        var record = hub.GetMethod(method)!.GetParameters()[0].ParameterType;
        return Record(record, depth: 0);
    }

    private object Record(Type record, int depth)
    {
        var members = WireRecords.Members(record);
        if (json)
        {
            return members.Where(_ => _random.Next(3) > 0).ToDictionary(m => WireRecords.JsonName(m!), m => Value(m!.PropertyType, depth));
        }

        var values = members.Select(m => _random.Next(4) == 0 || m is null ? null : Value(m.PropertyType, depth)).ToList();
        return values.Take(_random.Next(4) == 0 ? _random.Next(values.Count + 1) : values.Count).ToArray();
    }

    private object? Value(Type type, int depth)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (_random.Next(25) == 0)
        {
            return Wild(Words[_random.Next(Words.Length)]);
        }

        return type switch
        {
            _ when type == typeof(string) => Words[_random.Next(Words.Length)],
            _ when type == typeof(int) => _random.Next(4) == 0 ? _random.Next() : _random.Next(-2, 50),
            _ when type == typeof(long) => _random.Next(4) == 0 ? _random.NextInt64() : _random.NextInt64(-2, 50),
            _ when type == typeof(bool) => _random.Next(2) == 0,
            _ when type == typeof(byte[]) => new byte[_random.Next(100) == 0 ? 70_000 : _random.Next(50)],
            _ when type.IsArray => Enumerable.Range(0, _random.Next(40) == 0 ? 150 : _random.Next(3)).Select(_ => Value(type.GetElementType()!, depth + 1)).ToArray(),
            _ when type == typeof(Dictionary<string, string>) => new Dictionary<string, object?> { [Words[_random.Next(Words.Length)]] = Words[_random.Next(Words.Length)] },
            _ when type == typeof(Position) && json => new Dictionary<string, object?> { ["offset"] = _random.Next(-1, 5), ["epoch"] = Words[_random.Next(Words.Length)] },
            _ when type == typeof(Position) => new object?[] { _random.Next(-1, 5), Words[_random.Next(Words.Length)] },
            _ when WireRecords.All.Contains(type) && depth < 4 => Record(type, depth + 1),
            _ => null,
        };
    }

    private object Wild(object? value) => _wild[_random.Next(_wild.Length)](value);

    private byte[] Mutated(byte[] frame)
    {
        IsOutOfStep = true;
        for (var i = _random.Next(1, 4); i > 0 && frame.Length > 2; i--)
        {
            var at = _random.Next(frame.Length);
            frame = _random.Next(4) switch
            {
                0 => [.. frame[..at], .. frame[(at + 1)..]],
                1 => [.. frame[..at], (byte)_random.Next(256), .. frame[at..]],
                2 => [.. frame[..at]],
                _ => [.. frame[..at], (byte)_random.Next(256), .. frame[(at + 1)..]],
            };
        }

        return frame.Length == 0 ? Encoding.ASCII.GetBytes("\u001e") : frame;
    }

    private static object Nested(int depth)
    {
        object inner = "deep";
        for (var i = 0; i < depth; i++)
        {
            inner = new[] { inner };
        }

        return inner;
    }
}
