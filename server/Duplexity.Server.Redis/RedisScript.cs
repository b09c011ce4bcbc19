using System.Reflection;

namespace Duplexity.Server.Redis;

/// <summary>The Lua scripts, each whole with the parts that it calls: what must be one step is one of these.</summary>
internal static class RedisScript
{
    public static readonly string Append = Of("common", "trim", "receipts", "hints", "append");
    public static readonly string Hint = Of("common", "hints", "hint");
    public static readonly string Find = Of("common", "receipts", "find");
    public static readonly string Read = Of("common", "trim", "read");
    public static readonly string Follow = Of("follow");
    public static readonly string Renew = Of("common", "renew");
    public static readonly string Bury = Of("common", "hints", "presence", "names", "bury");
    public static readonly string Forget = Of("common", "records", "forget");
    public static readonly string Join = Of("common", "hints", "presence", "join");
    public static readonly string Leave = Of("common", "hints", "presence", "leave");
    public static readonly string Members = Of("members");
    public static readonly string Grow = Of("common", "grow");
    public static readonly string Register = Of("common", "names", "register");
    public static readonly string Pipes = Of("pipes");
    public static readonly string OwnPipes = Of("common", "names", "own-pipes");
    public static readonly string Unregister = Of("common", "names", "unregister");
    public static readonly string Locate = Of("common", "names", "locate");
    public static readonly string Record = Of("common", "records", "record");
    public static readonly string List = Of("common", "records", "list");
    public static readonly string Vault = Of("common", "vault");
    public static readonly string Lock = Of("common", "locks", "lock");
    public static readonly string Tell = Of("common", "tell");
    public static readonly string Done = Of("done");
    public static readonly string Count = Of("common", "count");
    public static readonly string Held = Of("common", "locks", "held");

    private static string Of(params string[] parts) => string.Join('\n', parts.Select(Part));

    private static string Part(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"{name}.lua")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
