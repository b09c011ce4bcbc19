using Duplexity.Server.Pipes;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Xunit;

namespace Duplexity.Server.Tests;

/// <summary>AddDuplexity() called twice, as happens when an application and a library of it both do.</summary>
public sealed class TwiceTests
{
    [Fact]
    public async Task Added_twice_it_is_one_node_with_the_settings_of_both()
    {
        await using var once = await TestNode.StartAsync();
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Settings["Duplexity:Origins:0"] = "https://app.example.org";
            s.Options = o => (o.Limits.IdentitiesPerSocket, o.Limits.ChannelsPerSocket) = (3, 7);
            s.Services = services => services.AddDuplexity(o => o.Limits.IdentitiesPerSocket = 2).Services.AddDuplexity();
        });

        Types<IBuiltInGate>(node).Should().Equal(Types<IBuiltInGate>(once));
        Types<IHostedService>(node).Should().Equal(Types<IHostedService>(once));
        var options = node.Services.GetRequiredService<IOptions<DuplexityOptions>>().Value;
        options.Origins.Should().Equal("https://app.example.org");
        (options.Limits.IdentitiesPerSocket, options.Limits.ChannelsPerSocket).Should().Be((2, 7), "the later call wins, and takes nothing else back");
        await using var socket = await StockSocket.DataAsync(node, "amy");
        (await socket.SendAsync("hello", "room:lobby")).Error.Should().BeNull();
    }

    private static string[] Types<T>(TestNode node) => [.. node.Services.GetServices<T>().Select(s => s!.GetType().FullName!)];
}
