namespace Duplexity.Server.Pipes;

/// <content>Sockets of other nodes among the destinations.</content>
internal sealed partial class PipeMachine
{
    private bool IsFar(Destination destination) => destination.Error is null && IsFar(destination.Address);

    private bool IsFar(Address address) => address.Kind == AddressKind.Socket && _far?.IsPossible(address.Name) == true;

    /// <summary>Before the application's gates, and before those at the entry: they are asked at once, and this is not.</summary>
    private async ValueTask<DuplexityError?> AskFarAsync(Transit transit)
    {
        foreach (var destination in transit.Destinations.Where(IsFar))
        {
            // Whom an allowance keeps from it is no reason to ask anybody.
            if (transit.Sender.Rules?.MaySend(destination.Address) != false && await _far!.ReachesAsync(destination.Address.Name, transit.Sender, transit.Request.Re))
            {
                transit.ReachFar(destination.Address);
            }
        }

        return await AskGatesAsync(transit);
    }
}
