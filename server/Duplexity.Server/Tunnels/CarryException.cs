namespace Duplexity.Server.Tunnels;

/// <summary>Why a visitor gets no carrier.</summary>
internal enum CarryFailure
{
    /// <summary>The pipe's client cannot be reached.</summary>
    Away,

    /// <summary>The pipe is another one by now, or has moved to another node.</summary>
    Elsewhere,

    /// <summary>The client was told, and did not come in time.</summary>
    Late,

    /// <summary>Too many visitors wait already.</summary>
    Crowded,
}

/// <summary>There is no carrier to be had.</summary>
internal sealed class CarryException(CarryFailure failure) : Exception($"No carrier: {failure}.")
{
    public CarryFailure Failure => failure;
}
