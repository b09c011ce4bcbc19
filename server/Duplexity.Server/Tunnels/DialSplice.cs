using System.Buffers;
using System.Net.WebSockets;
using Duplexity.Protocol;

namespace Duplexity.Server.Tunnels;

/// <summary>Copies both directions between whoever dialled and a carrier; each ends by itself, an end staying an end and a break a break.</summary>
internal static class DialSplice
{
    private const int BufferSize = 64 * 1024;

    // How long whoever dialled may take to hear the resource's last word, before it is cut.
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(5);

    /// <summary>Completes when both directions have ended, or one has broken, which ends the other.</summary>
    public static async Task RunAsync(CarrierStream dialler, CarrierStream carrier, TimeProvider time)
    {
        var up = UpAsync(dialler, carrier);
        var down = DownAsync(carrier, dialler);
        if (await Task.WhenAny(up, down) == up && !await up)
        {
            carrier.Abort();
        }

        if (!await down)
        {
            carrier.Abort();
            await ((Task)up).WaitAsync(Linger, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            dialler.Abort();
        }

        if (!await up)
        {
            carrier.Abort();
        }
    }

    /// <summary>True: whoever dialled has ended in order.</summary>
    private static async Task<bool> UpAsync(CarrierStream dialler, CarrierStream carrier)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        var takes = true;
        try
        {
            int count;
            while ((count = await dialler.ReadAsync(buffer.AsMemory())) > 0)
            {
                // What a resource does not take any more is dropped, so that its last word gets through.
                takes = takes && await TryAsync(() => carrier.WriteAsync(buffer.AsMemory(0, count)).AsTask());
            }

            takes = takes && await TryAsync(() => carrier.CompleteWritesAsync(CancellationToken.None));
            return true;
        }
        catch (Exception e) when (IsEnd(e))
        {
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>True: the resource has ended in order, and whoever dialled was told so.</summary>
    private static async Task<bool> DownAsync(CarrierStream carrier, CarrierStream dialler)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while (true)
            {
                int count;
                try
                {
                    count = await carrier.ReadAsync(buffer.AsMemory());
                }
                catch (Exception e) when (IsEnd(e))
                {
                    await dialler.CompleteWritesAsync(e is ResourceAwayException ? (WebSocketCloseStatus)Wire.CarryResourceAway : WebSocketCloseStatus.EndpointUnavailable, CancellationToken.None);
                    return false;
                }

                if (count == 0)
                {
                    await dialler.CompleteWritesAsync(CancellationToken.None);
                    return true;
                }

                await dialler.WriteAsync(buffer.AsMemory(0, count));
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            return false;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task<bool> TryAsync(Func<Task> write)
    {
        try
        {
            await write();
            return true;
        }
        catch (Exception e) when (IsEnd(e))
        {
            return false;
        }
    }

    private static bool IsEnd(Exception e) => e is IOException or OperationCanceledException;
}
