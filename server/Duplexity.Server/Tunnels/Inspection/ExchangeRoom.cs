using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>What exchanges that have not ended yet, or wait to be kept, may hold of the node's memory: a quarter of <see cref="LimitOptions.InspectorBytes"/>; the rest is for those that are kept. Beyond it, bodies are not copied. Thread-safe.</summary>
internal sealed class ExchangeRoom(IOptions<DuplexityOptions> options)
{
    private readonly long _most = options.Value.Limits.InspectorBytes / 4;
    private long _taken;

    /// <summary>Bytes that are taken.</summary>
    public long Taken => Interlocked.Read(ref _taken);

    public bool TryTake(int bytes)
    {
        if (Interlocked.Add(ref _taken, bytes) <= _most)
        {
            return true;
        }

        Give(bytes);
        return false;
    }

    public void Give(int bytes) => Interlocked.Add(ref _taken, -bytes);
}
