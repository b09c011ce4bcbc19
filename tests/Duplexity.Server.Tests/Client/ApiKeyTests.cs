using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Client;

/// <summary>A connection of a machine, by its key.</summary>
public sealed class ApiKeyTests
{
    [Fact]
    [Trait("Requirement", "2.4")]
    public async Task A_key_in_the_options_connects_as_its_client()
    {
        await using var node = await TestNode.StartAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, "auth/keys") { Content = JsonContent.Create(new { name = "rack" }) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", node.Token("amy"));
        using var made = await node.Http.SendAsync(request);
        var key = (await made.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("key").GetString();

        await using var connection = new DuplexityConnection(node.Address, new DuplexityConnectionOptions { ApiKey = key });
        await connection.ConnectAsync().Soon();

        connection.Client.Should().Be("amy");
        (await connection.Sockets.ListAsync().Soon()).Should().ContainSingle();
    }

    [Fact]
    public void A_key_beside_a_token_is_refused_and_no_text_of_the_options_has_it()
    {
        var options = new DuplexityConnectionOptions { ApiKey = "dxk_secret", Token = _ => ValueTask.FromResult<string?>("x") };

        FluentActions.Invoking(() => new DuplexityConnection(new Uri("http://localhost:5080"), options)).Should().Throw<ArgumentException>().WithMessage("*Token*ApiKey*");
        options.ToString().Should().NotContain("dxk_");
    }
}
