using Duplexity.Server.Pipes;

namespace Duplexity.Server.Tests.Pipes;

/// <summary>A gate of the node's own, as a test wants it.</summary>
internal sealed class NamedGate(string name, Step step, Func<Passage, DuplexityError?> check) : IBuiltInGate
{
    public int Asked { get; private set; }

    public string Name => name;

    public Step Step => step;

    public DuplexityError? Check(in Passage passage)
    {
        Asked++;
        return check(passage);
    }
}
