using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Tunnels.Away;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Names;

/// <summary>Names that keep requests while their program is away: what is above and below them has one owner (G7).</summary>
[Trait("Guarantee", "G7")]
public sealed class QueuedNamesTests
{
    private const string Hook = "a.cat1.localhost";

    [Theory]
    [InlineData("cat1")]
    [InlineData("*.cat1")]
    [InlineData(Hook)]
    [InlineData("*.a.cat1.localhost")]
    [InlineData("b.a.cat1.localhost")]
    public async Task Nobody_else_gets_a_name_at_above_or_below_it_until_its_queue_is_over(string name)
    {
        await using var rig = await NameRig.StartAsync();
        await QueueAsync(rig, "ben", Hook);

        (await rig.TryServeAsync("amy", [name])).Answer.Error!.Code.Should().Be(Errors.NameTaken.Code);
        (await rig.ReserveAsync("amy", "cat1"))!.Code.Should().Be(Errors.NameTaken.Code);
        (await rig.TryServeAsync("amy", ["b.cat1.localhost"])).Answer.Error.Should().BeNull("it stands beside");
        (await rig.TryServeAsync("ben", [Hook])).Answer.Error.Should().BeNull("it is his");

        await QueueAsync(rig, "ben", Hook);
        (await rig.Get<QueueDesk>().RemoveAsync("ben", Hook, CancellationToken.None)).Error.Should().BeNull();
        (await rig.TryServeAsync("amy", [name])).Answer.Error.Should().BeNull();
    }

    [Fact]
    public async Task A_queue_that_is_over_by_its_time_keeps_nobody_from_what_is_above_it()
    {
        await using var rig = await NameRig.StartAsync();
        await QueueAsync(rig, "ben", Hook);
        (await rig.TryServeAsync("amy", ["*.cat1"])).Answer.Error!.Code.Should().Be(Errors.NameTaken.Code);

        rig.Time.Advance(TimeSpan.FromDays(30));

        (await rig.TryServeAsync("amy", ["*.cat1"])).Answer.Error.Should().BeNull();
        rig.Time.Advance(TimeSpan.FromSeconds(30));
        (await rig.VisitAsync(Hook)).Should().Be((HttpStatusCode.OK, "amy"));
    }

    /// <summary>A pipe that keeps requests, whose program has gone.</summary>
    internal static async Task QueueAsync(NameRig rig, string client, string name)
    {
        var end = rig.Host.Connect(client, "hooks");
        (await end.TryServeAsync(TunnelHost.Everything, [new PipeRegistration { Name = name, Resource = "http://127.0.0.1:9", Offline = "queue" }])).Error.Should().BeNull();
        await rig.Host.Sessions.EndAsync(end.Session);
    }
}
