using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests;

/// <summary>Dependencies point down only, as in the design's picture; method bodies count.</summary>
public sealed class LayeringTests
{
    /// <summary>The rooms of the server from the top down. A room sees itself and what stands in later lines, never its neighbours or those above.</summary>
    private static readonly string[][] Floors =
    [
        ["Api"],
        ["Hubs"],
        ["Tunnels", "Auth"],
        ["Sockets"],
        ["Pipes"],
        ["Inboxes"],
        ["Channels"],
        ["Backend"],
        ["Cluster"],
        ["Engine"],
    ];

    private static readonly Lazy<Architecture> Product = new(() => new ArchLoader()
        .LoadAssemblies(typeof(DuplexityServer).Assembly, typeof(DuplexityConnection).Assembly, typeof(Address).Assembly)
        .Build());

    [Fact]
    public void The_rooms_of_the_server_depend_downwards_only() =>
        Violations(Product.Value, "Duplexity.Server").Should().BeEmpty();

    [Fact]
    public void The_protocol_depends_on_nothing_of_ours() =>
        ForeignDependencies("Duplexity.Protocol", []).Should().BeEmpty();

    [Fact]
    public void The_client_does_not_know_the_server() =>
        ForeignDependencies("Duplexity.Client", ["Duplexity.Protocol"]).Should().BeEmpty();

    [Fact]
    public void The_server_does_not_know_the_client() =>
        ForeignDependencies("Duplexity.Server", ["Duplexity.Protocol"]).Should().BeEmpty();

    [Fact]
    public void The_redis_engine_knows_nothing_of_a_node_above_the_engine() =>
        (from type in new ArchLoader().LoadAssemblies(typeof(RedisServer).Assembly, typeof(DuplexityServer).Assembly).Build().Types
         where type.Assembly.Name.Split(',')[0] == "Duplexity.Server.Redis"
         from target in type.Dependencies.Select(d => d.Target).Distinct()
         where Floors.Any(floor => floor.Any(room => room != "Engine" && target.FullName.StartsWith($"Duplexity.Server.{room}.", StringComparison.Ordinal)))
         select $"{type.FullName} -> {target.FullName}").Should().BeEmpty();

    [Fact]
    public void A_dependency_upwards_within_a_method_body_is_seen()
    {
        var wrong = new ArchLoader().LoadAssemblies(typeof(LayeringTests).Assembly).Build();

        Violations(wrong, "Duplexity.Server.Tests.LayeringSample").Should().BeEquivalentTo(
            "Engine.AsyncSample -> Hubs.UpperSample", "Engine.LambdaSample -> Hubs.UpperSample", "Engine.LowerSample -> Hubs.UpperSample");
    }

    private static IEnumerable<string> Violations(Architecture architecture, string root) =>
        from type in architecture.Types
        let place = Floor(root, type)
        where place is not null
        from target in type.Dependencies.Select(d => d.Target).Distinct()
        let to = Floor(root, target)
        where IsForbidden(place.Value, to, target, root)
        select $"{Short(root, type)} -> {Short(root, target)}";

    private static bool IsForbidden((int Floor, string Room) from, (int Floor, string Room)? to, IType target, string root) =>
        to is { } known
            ? known.Room != from.Room && known.Floor <= from.Floor
            // The composition root sees everything; nobody looks back at it.
            : target.FullName == $"{root}.{nameof(DuplexityServer)}";

    private static (int Floor, string Room)? Floor(string root, IType type)
    {
        for (var floor = 0; floor < Floors.Length; floor++)
        {
            foreach (var room in Floors[floor])
            {
                if (type.FullName.StartsWith($"{root}.{room}.", StringComparison.Ordinal))
                {
                    return (floor, room);
                }
            }
        }

        return null;
    }

    private static IEnumerable<string> ForeignDependencies(string assembly, string[] allowed) =>
        from type in Product.Value.Types
        where type.Assembly.Name.Split(',')[0] == assembly
        from target in type.Dependencies.Select(d => d.Target).Distinct()
        let home = target.Assembly?.Name.Split(',')[0] ?? ""
        where home.StartsWith("Duplexity.", StringComparison.Ordinal) && home != assembly && !allowed.Contains(home)
        select $"{type.FullName} -> {target.FullName}";

    private static string Short(string root, IType type) => type.FullName[(root.Length + 1)..];
}
