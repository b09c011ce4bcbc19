namespace Duplexity.Server.Tunnels;

/// <summary>A visitor in line for a carrier; <paramref name="fresh"/>: for a new one.</summary>
internal sealed class CarrierWaiter(bool fresh)
{
    private readonly TaskCompletionSource<HttpCarrier?> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool Fresh => fresh;

    /// <summary>An idle carrier; null: the visitor's turn to dial.</summary>
    public Task<HttpCarrier?> Task => _source.Task;

    public void Grant(HttpCarrier? carrier) => _source.TrySetResult(carrier);

    public void Fail() => _source.TrySetException(new CarryException(CarryFailure.Away));
}
