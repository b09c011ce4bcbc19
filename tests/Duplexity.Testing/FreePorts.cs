using System.Net;
using System.Net.Sockets;

namespace Duplexity.Testing;

/// <summary>Ports for programs that cannot take port 0. Below the ephemeral range, so that no outgoing connection of the machine takes one in between.</summary>
public static class FreePorts
{
    private const int First = 20_000;
    private const int Last = 32_000;

    private static readonly Lock Gate = new();
    private static int _next = First + Random.Shared.Next(0, (Last - First) / 10) * 10;

    /// <summary>One port on which nobody listens on loopback; never given twice by this process.</summary>
    public static int One() => Range(1).First;

    /// <summary>The first and last of <paramref name="count"/> neighbouring ports on which nobody listens on loopback.</summary>
    public static (int First, int Last) Range(int count)
    {
        lock (Gate)
        {
            for (var tries = 0; tries < Last - First; tries++)
            {
                if (_next + count > Last)
                {
                    _next = First;
                }

                var first = _next;
                _next += count;
                if (Enumerable.Range(first, count).All(IsFree))
                {
                    return (first, first + count - 1);
                }
            }
        }

        throw new InvalidOperationException($"No {count} free neighbouring ports between {First} and {Last}.");
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Any, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            // Somebody else's.
            return false;
        }
    }
}
