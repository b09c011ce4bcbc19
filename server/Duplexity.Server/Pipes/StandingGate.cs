using Duplexity.Server.Channels;

namespace Duplexity.Server.Pipes;

/// <summary>Entry: who is disabled or removed takes no mail (1.8): it would wait for nobody. It reads like what is not there.</summary>
internal sealed class StandingGate(IClientStanding standing) : IBuiltInGate
{
    public string Name => "standing";

    public Step Step => Step.Entry;

    public bool LooksBehind => true;

    public DuplexityError? Check(in Passage passage) => passage.Target.Kind is AddressKind.Client or AddressKind.Feed && standing.IsOut(passage.Target.Name)
        ? DuplexityError.Of(Errors.UnknownDestination, AllowanceGate.NotThere(passage.Target))
        : null;
}
