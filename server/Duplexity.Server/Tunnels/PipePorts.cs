using System.Globalization;
using System.Security.Cryptography;
using Duplexity.Protocol;
using Duplexity.Server.Backend;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels;

/// <summary>The ports of TCP pipes: opened before their names are registered, closed when nobody has them any more. Callers take turns.</summary>
internal sealed class PipePorts(BackendRegistry backend, PipeNames names, TcpFront tcp)
{
    /// <summary>Opens the port that is asked for, or any free one, and notes it in <paramref name="opened"/>; the result says why where it could not.</summary>
    public async Task<PipeResult> OpenAsync(PipeResult asked, PipeResult[] all, List<int> opened, CancellationToken ct)
    {
        if (asked.Name != PipeNames.AnyPort)
        {
            return TryOpen(PortOf(asked.Name!), opened)
                ? asked
                : asked with { Name = null, Error = DuplexityError.Of(Errors.PortsExhausted, $"Port {asked.Name![1..]} is in use by something else on the server.") };
        }

        var (first, last) = names.Ports!.Value;
        var count = last - first + 1;
        var start = RandomNumberGenerator.GetInt32(count);
        for (var i = 0; i < count; i++)
        {
            var port = first + ((start + i) % count);
            var name = string.Create(CultureInfo.InvariantCulture, $":{port}");
            if (!tcp.IsOpen(port) && Array.TrueForAll(all, r => r.Name != name) && await backend.LocateAsync(name, ct) is null && TryOpen(port, opened))
            {
                return asked with { Name = name };
            }
        }

        return asked with { Name = null, Error = DuplexityError.Of(Errors.PortsExhausted, $"All TCP ports of this server ({first} to {last}) are in use.") };
    }

    /// <summary>Closes those of <paramref name="ports"/> that no registration has.</summary>
    public async Task CloseUnusedAsync(IEnumerable<int> ports)
    {
        foreach (var port in ports)
        {
            if (await backend.LocateAsync(string.Create(CultureInfo.InvariantCulture, $":{port}"), CancellationToken.None) is null)
            {
                tcp.Close(port);
            }
        }
    }

    /// <summary>Closes the ports of registrations that are over, unless another one has them.</summary>
    public Task CloseUnusedAsync(IEnumerable<PipeEntry> over) => CloseUnusedAsync(over.Where(e => IsPort(e.Name)).Select(e => PortOf(e.Name)));

    /// <summary>Whether a name is <c>:PORT</c>.</summary>
    public static bool IsPort(string name) => name[0] == ':';

    /// <summary>The number in <c>:PORT</c>.</summary>
    public static int PortOf(string name) => int.Parse(name.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture);

    private bool TryOpen(int port, List<int> opened)
    {
        if (!tcp.TryOpen(port))
        {
            return false;
        }

        opened.Add(port);
        return true;
    }
}
