using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Options;
using Xunit;

namespace Duplexity.Server.Tests.Engine;

/// <summary>What the settings make of <c>stored</c>.</summary>
public sealed class DurabilityTests
{
    [Theory]
    [InlineData("data", null, "fsynced")]
    [InlineData("data", "written", "written")]
    [InlineData("data", "accepted", "accepted")]
    [InlineData("", null, "accepted")]
    [InlineData("", "accepted", "accepted")]
    [Trait("Guarantee", "G3")]
    public async Task A_receipt_names_what_the_operator_set_and_a_send_that_asks_for_more_is_refused(string data, string? durability, string level)
    {
        await using var node = await TestNode.StartAsync(s => (s.Settings["Duplexity:Data"], s.Settings["Duplexity:Durability"]) = (data, durability));
        await using var amy = await StockSocket.DataAsync(node, "amy");

        var told = await amy.SendAsync("hello", "room:lobby");
        var asked = await amy.InvokeAsync<SendResponse>(nameof(IDataHub.Send), new SendRequest { To = ["room:lobby"], Text = "and you?", Level = "fsynced" });
        var beyond = await amy.InvokeAsync<SendResponse>(nameof(IDataHub.Send), new SendRequest { To = ["room:lobby"], Text = "and they?", Level = "replicated" });

        told.Level.Should().Be(level);
        (asked.Error is null).Should().Be(level == "fsynced");
        if (level != "fsynced")
        {
            asked.Error!.Sentence.Should().Contain($"reaches {level}");
        }

        beyond.Error!.Code.Should().Be(Errors.InvalidRequest.Code);
    }

    [Theory]
    [InlineData("data", "sure", "use fsynced, written or accepted")]
    [InlineData("data", "", "use fsynced, written or accepted")]
    [InlineData("", "fsynced", "there is no data folder")]
    [Trait("Guarantee", "G3")]
    public async Task A_durability_that_nobody_could_keep_is_refused_at_start(string data, string durability, string why)
    {
        var start = () => TestNode.StartAsync(s => (s.Settings["Duplexity:Data"], s.Settings["Duplexity:Durability"]) = (data, durability));

        (await start.Should().ThrowAsync<OptionsValidationException>()).Which.Message.Should().Contain(why);
    }

    [Fact]
    [Trait("Requirement", "3.5")]
    [Trait("Requirement", "3.8")]
    [Trait("Guarantee", "G2")]
    public async Task A_node_that_starts_again_on_its_folder_serves_the_place_that_a_client_had()
    {
        var folder = Directory.CreateTempSubdirectory("duplexity-test-");
        var issuer = new TestIssuer();
        Position place;
        await using (var first = await TestNode.StartAsync(Setup))
        {
            await using var amy = await StockSocket.DataAsync(first, "amy");
            place = (await amy.SendAsync("one", "room:lobby")).Destinations![0].Position!;
            await amy.SendAsync("two", "room:lobby");
        }

        await using var second = await TestNode.StartAsync(Setup);
        await using var ben = await StockSocket.DataAsync(second, "ben");
        var joined = await ben.JoinAsync("room:lobby", since: place);
        await using var cat = await StockSocket.DataAsync(second, "cat");
        await cat.SendAsync("three", "room:lobby");

        joined.Recovered.Should().BeTrue();
        (await ben.TextsAsync(2)).Should().Equal("two", "three");
        folder.Delete(recursive: true);

        void Setup(TestNodeSetup s) => (s.Issuer, s.Settings["Duplexity:Data"]) = (issuer, folder.FullName);
    }
}
