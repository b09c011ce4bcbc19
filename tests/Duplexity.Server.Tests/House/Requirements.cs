namespace Duplexity.Server.Tests.House;

/// <summary>The ids that a test may name: the sentences of the founding notes, and the guarantees.</summary>
internal static class Requirements
{
    /// <summary>1.1 to 1.31 (sockets, identities, transport pipes), 2.1 to 2.40 (control plane, data plane), 3.1 to 3.12 (what such systems keep).</summary>
    public static IReadOnlySet<string> Ids { get; } = new[] { (Note: 1, Last: 31), (Note: 2, Last: 40), (Note: 3, Last: 12) }
        .SelectMany(note => Enumerable.Range(1, note.Last).Select(n => $"{note.Note}.{n}"))
        .ToHashSet();

    /// <summary>G1 to G25.</summary>
    public static IReadOnlySet<string> Guarantees { get; } = Enumerable.Range(1, 25).Select(n => $"G{n}").ToHashSet();
}
