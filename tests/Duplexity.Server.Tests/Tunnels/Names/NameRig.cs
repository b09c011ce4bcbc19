using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Pipes;
using Duplexity.Server.Tunnels.Names;
using Duplexity.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace Duplexity.Server.Tests.Tunnels.Names;

/// <summary>A node with public pipes, a DNS server and a clock of its own, and a resource that says who has it.</summary>
internal sealed class NameRig : IAsyncDisposable
{
    private readonly List<RawServer> _resources = [];
    private readonly List<TunnelClient> _clients = [];

    private NameRig(TunnelHost host, FakeTimeProvider time, DnsServer dns) => (Host, Time, Dns) = (host, time, dns);

    public TunnelHost Host { get; }

    public FakeTimeProvider Time { get; }

    public DnsServer Dns { get; }

    public Reservations Reservations => Get<Reservations>();

    public static async Task<NameRig> StartAsync(Action<DuplexityOptions>? configure = null)
    {
        var (time, dns) = (new FakeTimeProvider(DateTimeOffset.UtcNow), new DnsServer());
        var host = await TunnelHost.StartAsync(
            o =>
            {
                o.Pipes.Resolver = dns.Address;
                o.Times.Dns = TimeSpan.FromSeconds(15);
                configure?.Invoke(o);
            },
            time: time);
        return new(host, time, dns);
    }

    public T Get<T>()
        where T : class => Host.Services.GetRequiredService<T>();

    /// <summary>Registers names of a client's session, as far as its rules go; each is served by a resource that says the client's name.</summary>
    public async Task<(TunnelClient Client, PipesResponse Answer)> TryServeAsync(string client, string[] names, Allowances? allowances = null, string session = "laptop")
    {
        var resource = new RawServer(async (connection, _) =>
        {
            while (await connection.ReadHeadAsync() is { Length: > 0 })
            {
                await connection.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {client.Length}\r\n\r\n{client}");
            }
        });
        _resources.Add(resource);
        var end = Host.Connect(client, session);
        _clients.Add(end);
        var rules = allowances is null ? TunnelHost.Everything : new AllowanceRules(allowances);
        return (end, await end.TryServeAsync(rules, [.. names.Select(n => new PipeRegistration { Name = n, Resource = resource.Resource })]));
    }

    /// <summary>What a visitor of a host sees: the status, and whose resource answered.</summary>
    public async Task<(HttpStatusCode Status, string Body)> VisitAsync(string host)
    {
        using var visitor = Host.Visitor(host);
        using var answer = await visitor.GetAsync("/");
        return (answer.StatusCode, answer.StatusCode == HttpStatusCode.OK ? await answer.Content.ReadAsStringAsync() : "");
    }

    public async Task<DuplexityError?> ReserveAsync(string client, string name, Allowances? allowances = null) =>
        (await Reservations.ReserveAsync(client, allowances is null ? TunnelHost.Everything : new AllowanceRules(allowances), name, CancellationToken.None)).Error;

    public async ValueTask DisposeAsync()
    {
        // Nobody moves the clock on while the host stops, which gives carriers a grace by it.
        _clients.ForEach(c => c.Kill());
        foreach (var resource in _resources)
        {
            await resource.DisposeAsync();
        }

        await Host.DisposeAsync();
        Dns.Dispose();
    }
}
