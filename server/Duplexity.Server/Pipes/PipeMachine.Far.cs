namespace Duplexity.Server.Pipes;

/// <content>Sockets of other nodes among the destinations.</content>
internal sealed partial class PipeMachine
{
    private bool IsFar(Destination destination) => destination is { Error: null, Address: { Kind: AddressKind.Socket, Name: var socket } } && _far?.IsPossible(socket) == true;

    /// <summary>Before the gates: they are asked at once, and this is not.</summary>
    private async ValueTask<DuplexityError?> AskFarAsync(Transit transit)
    {
        try
        {
            foreach (var destination in transit.Destinations.Where(IsFar))
            {
                if (await _far!.ReachesAsync(destination.Address.Name, transit.Sender, transit.Request.Re))
                {
                    transit.ReachFar(destination.Address);
                }
            }
        }
        catch (DuplexityException e)
        {
            return e.Error;
        }

        return await AskHereAsync(transit);
    }
}
