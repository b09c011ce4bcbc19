using Duplexity.Cli;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

/// <summary><c>revoke</c>, for a while and for good.</summary>
public sealed class RevokeTests
{
    [Fact]
    [Trait("Guarantee", "G19")]
    public async Task An_administrator_removes_a_client_for_good_and_nobody_else_may()
    {
        await using var node = await TestNode.StartAsync();
        await using var ben = await StockSocket.DataAsync(node, "ben");
        using var amy = new CliUnderTest(node, "amy");
        using var root = new CliUnderTest(node, "root");
        root.Environment["DUPLEXITY_TOKEN"] = node.Token("root", null, ("role", "admin"));

        (await amy.RunAsync("revoke", "client:ben", "--remove")).Should().Be(ExitCode.NotAllowed);
        (await root.RunAsync("revoke", "some-token", "--remove")).Should().Be(ExitCode.Usage);
        root.Error.Should().Contain(l => l.Contains("--remove wants a client"));
        (await root.RunAsync("revoke", "client:ben", "--remove", "--json")).Should().Be(ExitCode.Done);

        root.Output.Should().Equal("""{"target":"client:ben","connections":1,"removed":true}""");
        (await ben.Disconnected).Code.Should().Be(522);
        using var gone = new CliUnderTest(node, "ben");
        (await gone.RunAsync("whoami")).Should().Be(ExitCode.NotSignedIn);
        (await root.RunAsync("revoke", "client:ben", "--remove")).Should().Be(ExitCode.Done);
        root.Output[^1].Should().Be("removed for good; 0 connections lost it");
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task Who_revokes_itself_is_told_and_may_come_back_with_a_new_token()
    {
        await using var node = await TestNode.StartAsync();
        var duplexity = (IDuplexity)node.Services.GetService(typeof(IDuplexity))!;
        using var amy = new CliUnderTest(node, "amy");
        amy.Environment["DUPLEXITY_TOKEN"] = duplexity.CreateToken("amy", TimeSpan.FromHours(1));

        (await amy.RunAsync("revoke", "client:amy")).Should().Be(ExitCode.Done);
        (await amy.RunAsync("whoami")).Should().Be(ExitCode.NotSignedIn);
        amy.Environment["DUPLEXITY_TOKEN"] = duplexity.CreateToken("amy", TimeSpan.FromHours(1));
        (await amy.RunAsync("whoami")).Should().Be(ExitCode.Done, "at once, in the same second");
    }
}
