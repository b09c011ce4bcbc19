namespace Duplexity.Server.Tests.Graph;

/// <summary>What happens in a history of the graph's edges.</summary>
internal enum Happening
{
    Open,
    OpenForAMinute,
    Close,
    Lose,
    Join,
    Leave,
    Authenticate,
    AuthenticateForAMinute,
    Drop,
    Revoke,
    Disconnect,
    Kick,
    Place,
    Displace,
    CloseRoom,
    RemoveRoom,
    LetTimePass,
}

/// <summary>One step: what happens, and to which of the sockets, clients and channels.</summary>
internal readonly record struct GraphStep(Happening What, int Socket, int Client, int Channel);
