namespace Duplexity.Cli;

/// <summary>Reads addresses as people type them: a bare word is a room.</summary>
internal static class Addresses
{
    /// <summary>One address.</summary>
    /// <exception cref="UsageException">It is none; the sentence says why.</exception>
    public static Address One(string text) =>
        Address.TryRead(text.Contains(':') ? text : $"room:{text}", out var address, out var problem) ? address : throw new UsageException(problem);

    /// <summary>Addresses with commas between them, each once.</summary>
    public static IReadOnlyList<Address> List(string text)
    {
        var list = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(One).Distinct().ToArray();
        return list.Length > 0 ? list : throw new UsageException("No destination; write TO[,TO…], such as lobby or client:amy.");
    }
}
