using System.Net;
using Duplexity.Server.Engine;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels.Gates;

/// <summary>The way in to a pipe. Thread-safe.</summary>
internal interface IVisitorEntrance
{
    /// <summary>Lets a visitor in, or answers it: then null. For one request asked again, when the name is another registration's by then, it counts once.</summary>
    ValueTask<Entered?> EnterAsync(HttpContext context, PipeEntry entry);

    /// <summary>Lets a visitor in to a TCP port; null: it is not to be.</summary>
    Entered? TryEnter(IPAddress address, PipeEntry entry);

    /// <summary>Whether a TCP port lets an address in.</summary>
    bool Lets(IPAddress address, PipeEntry entry);
}

/// <summary>What a visitor holds who came in; disposed when it is through.</summary>
internal sealed class Entered(Throttle? throttle, params IDisposable?[] held) : IDisposable
{
    /// <summary>What its bytes wait for; null: nothing.</summary>
    public Throttle? Throttle => throttle;

    public void Dispose()
    {
        foreach (var one in held)
        {
            one?.Dispose();
        }
    }
}
