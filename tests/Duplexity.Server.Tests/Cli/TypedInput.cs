using System.Collections.Concurrent;

namespace Duplexity.Server.Tests.Cli;

/// <summary>A person at a keyboard: lines come when the test types them.</summary>
internal sealed class TypedInput : TextReader
{
    private readonly BlockingCollection<string> _lines = [];

    public void Type(string line) => _lines.Add(line);

    public void End() => _lines.CompleteAdding();

    public override string? ReadLine() => _lines.TryTake(out var line, Timeout.Infinite) ? line : null;

    public override string ReadToEnd() => string.Concat(_lines.GetConsumingEnumerable().Select(l => l + "\n"));
}
