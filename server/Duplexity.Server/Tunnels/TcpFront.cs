using System.Globalization;
using System.Net.Sockets;
using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Tunnels.Gates;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels;

/// <summary>Listens on the ports of TCP pipes and carries each visitor connection on a carrier of its own. Thread-safe.</summary>
internal sealed class TcpFront(
    Choice choice, IVisitorEntrance entrance, LiveVisits live, Visitors visitors, ExchangeFeed exchanges, Metrics metrics, IOptions<DuplexityOptions> options, IHostEnvironment environment, TimeProvider time, ILogger<TcpFront> logger)
    : IDisposable
{
    private const int Backlog = 128;

    private readonly Lock _lock = new();
    private readonly Dictionary<int, VisitorPort?> _ports = []; // null: visitors come to fronts only

    /// <summary>The ports that are open.</summary>
    public IReadOnlyCollection<int> Ports
    {
        get
        {
            lock (_lock)
            {
                return [.. _ports.Keys];
            }
        }
    }

    /// <summary>Opens a port; true also if it was open, or visitors do not come here. False: it belongs to something else on this machine.</summary>
    public bool TryOpen(int port)
    {
        lock (_lock)
        {
            if (_ports.ContainsKey(port))
            {
                return true;
            }

            if (!options.Value.ServesVisitors)
            {
                _ports.Add(port, null);
                return true;
            }

            try
            {
                // How many wait and how many are carried is bounded by the pipe's pool, which refuses the rest at once.
                var name = string.Create(CultureInfo.InvariantCulture, $":{port}");
                _ports.Add(port, VisitorPort.Open(VisitorPort.AddressOf(options.Value.Pipes, environment), port, Backlog, visitor => ServeAsync(visitor, name), time, logger));
            }
            catch (SocketException)
            {
                return false;
            }

            return true;
        }
    }

    public bool IsOpen(int port)
    {
        lock (_lock)
        {
            return _ports.ContainsKey(port);
        }
    }

    /// <summary>Closes a port; connections that are there go on.</summary>
    public void Close(int port)
    {
        lock (_lock)
        {
            if (_ports.Remove(port, out var open))
            {
                open?.Dispose();
            }
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var open in _ports.Values)
            {
                open?.Dispose();
            }

            _ports.Clear();
        }
    }

    private async Task ServeAsync(Socket visitor, string name)
    {
        try
        {
            using var connection = new TcpVisitor(visitor);
            if (await choice.LocateAsync(name, null, null, null, CancellationToken.None) is not { } entry || !await TryServeAsync(connection, entry))
            {
                connection.Reset();
            }
        }
        catch (Exception e)
        {
            // A visitor who left in the middle of the accept, or a backend that is away: this connection ends, the listener does not.
            Log.VisitorFailed(logger, name, e);
            visitor.Dispose();
        }
    }

    /// <summary>Carries a visitor connection of a pipe to its end; <paramref name="first"/> was read already. False: it is not let in.</summary>
    public async Task<bool> TryServeAsync(TcpVisitor connection, PipeEntry entry, ReadOnlyMemory<byte> first = default)
    {
        using var entered = entrance.TryEnter(connection.Address, entry);
        if (entered is null)
        {
            return false;
        }

        await ServeAsync(connection, entry, entered, first);
        return true;
    }

    private async Task ServeAsync(TcpVisitor connection, PipeEntry entry, Entered entered, ReadOnlyMemory<byte> first)
    {
        var began = time.GetTimestamp();
        var at = time.GetUtcNow();
        var isCarried = false;
        visitors.Begin();
        try
        {
            var (pool, stream) = await choice.DialAsync(entry, another => entrance.Lets(connection.Address, another), CancellationToken.None);
            entry = pool.Entry;
            await using var carrier = stream;
            carrier.Throttle = entered.Throttle;
            using var turn = pool.Begin();
            using var visit = live.Begin(new PlainVisit(() => pool.Entry, now => entrance.Lets(connection.Address, now), () => connection.Break(stream)));
            isCarried = true;
            await connection.RunAsync(carrier, first);
            pool.Ended(carrier);
        }
        catch (CarryException e)
        {
            Log.NoCarrier(logger, entry.Name, e.Failure);
            connection.Reset();
        }
        finally
        {
            visitors.End();
        }

        var took = time.GetElapsedTime(began);
        metrics.Connected(isCarried, took);
        exchanges.Report(entry, new ExchangeInfo { Pipe = entry.Name, At = at.ToUnixTimeMilliseconds(), DurationMs = took.TotalMilliseconds });
    }
}
