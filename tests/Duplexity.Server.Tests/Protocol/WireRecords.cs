using System.Reflection;
using System.Text.Json;
using Duplexity.Protocol;
using MessagePack;

namespace Duplexity.Server.Tests.Protocol;

/// <summary>The records of the wire, found by reflection, so that a new one cannot be forgotten.</summary>
internal static class WireRecords
{
    /// <summary>Every record that can be on the wire, in the order of their names.</summary>
    public static IReadOnlyList<Type> All { get; } =
    [
        .. typeof(Request).Assembly.GetTypes().Where(t => t.GetCustomAttribute<MessagePackObjectAttribute>() is not null).OrderBy(t => t.Name, StringComparer.Ordinal),
    ];

    /// <summary>The members of a record by position; a hole is null.</summary>
    public static PropertyInfo?[] Members(Type record)
    {
        var keyed = record.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(p => p.GetCustomAttribute<KeyAttribute>() is not null)
            .ToDictionary(p => p.GetCustomAttribute<KeyAttribute>()!.IntKey!.Value);
        return [.. Enumerable.Range(0, keyed.Count == 0 ? 0 : keyed.Keys.Max() + 1).Select(i => keyed.GetValueOrDefault(i))];
    }

    public static string JsonName(MemberInfo member) => JsonNamingPolicy.CamelCase.ConvertName(member.Name);

    /// <summary>A record with every member set to something that is not its default.</summary>
    public static object Filled(Type type, int seed = 1)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type switch
        {
            _ when type == typeof(string) => $"text {seed} é😀",
            _ when type == typeof(int) => 100 + seed,
            _ when type == typeof(long) => (1L << 53) - 1 - seed,
            _ when type == typeof(double) => 1.5 + seed,
            _ when type == typeof(bool) => true,
            _ when type == typeof(byte[]) => new byte[] { 0, 255, (byte)seed },
            _ when type == typeof(Dictionary<string, string>) => new Dictionary<string, string> { ["Name"] = $"value {seed}", ["other"] = "" },
            _ when type == typeof(Position) => new Position(1000 + seed, $"epoch{seed}"),
            _ when type.IsArray => FilledArray(type.GetElementType()!, seed),
            _ when type.IsEnum || !All.Contains(type) => throw new NotSupportedException($"{type} is not for the wire."),
            _ => FilledRecord(type, seed),
        };
    }

    private static Array FilledArray(Type element, int seed)
    {
        var array = Array.CreateInstance(element, 2);
        array.SetValue(Filled(element, seed + 10), 0);
        array.SetValue(Filled(element, seed + 20), 1);
        return array;
    }

    private static object FilledRecord(Type type, int seed)
    {
        var record = Activator.CreateInstance(type)!;
        foreach (var member in Members(type))
        {
            member!.SetValue(record, Filled(member.PropertyType, ++seed));
        }

        return record;
    }
}
