using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc.ApiExplorer;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;
using Xunit;

namespace Duplexity.Server.Tests.Api;

/// <summary>The description is what is there: compared with the operations and the records, read by another's reader, and each path tried. <c>DUPLEXITY_WRITE_PROTOCOL=1</c> writes it anew.</summary>
[Trait("Requirement", "1.19")]
public sealed class ApiDescriptionTests(ApiDescriptionTests.Host host) : IClassFixture<ApiDescriptionTests.Host>
{
    [Fact]
    public void The_description_has_every_operation_and_record_as_they_are()
    {
        var made = ApiPage.Make();
        if (Environment.GetEnvironmentVariable("DUPLEXITY_WRITE_PROTOCOL") == "1")
        {
            File.WriteAllText(ApiPage.FilePath, made);
        }

        File.ReadAllText(ApiPage.FilePath).Should().Be(made, "run this test with DUPLEXITY_WRITE_PROTOCOL=1 after a change of operations or records, and build again");
    }

    [Fact]
    public async Task An_independent_reader_finds_nothing_wrong_with_it_and_every_reference_resolves()
    {
        var text = await host.Node.Http.GetStringAsync("api/openapi.json");

        var (document, diagnostic) = OpenApiDocument.Parse(text, "json");

        diagnostic!.Errors.Should().BeEmpty();
        diagnostic.Warnings.Should().BeEmpty();
        document!.Validate(ValidationRuleSet.GetDefaultRuleSet()).Should().BeEmpty();
        var operations = document!.Paths.SelectMany(p => p.Value.Operations!.Values).ToList();
        References(JsonDocument.Parse(text).RootElement).Distinct().Should().NotBeEmpty().And.OnlyContain(reference => Resolves(JsonDocument.Parse(text).RootElement, reference));
        operations.Should().OnlyContain(o => o.OperationId!.Length > 0 && o.Summary!.Length > 0 && o.Responses!["200"].Content!.ContainsKey("application/json"));
    }

    [Fact]
    public async Task It_names_the_address_at_which_it_was_asked_for_below_any_prefix()
    {
        var here = await host.Node.Http.GetFromJsonAsync<JsonElement>("api/openapi.json");

        here.GetProperty("servers")[0].GetProperty("url").GetString().Should().Be(new Uri(host.Node.Address, "api").AbsoluteUri);
        host.Node.Address.AbsolutePath.Should().Be("/rt/");
    }

    [Fact]
    public async Task Every_operation_that_it_describes_is_there_with_its_method_its_body_and_its_parameters()
    {
        var (document, _) = OpenApiDocument.Parse(await host.Node.Http.GetStringAsync("api/openapi.json"), "json");
        foreach (var (path, item) in document!.Paths)
        {
            foreach (var (method, operation) in item.Operations!)
            {
                var query = string.Join('&', operation.Parameters?.Where(p => p.In == ParameterLocation.Query).Select(p => $"{p.Name}={Sample(p)}") ?? []);
                using var request = new HttpRequestMessage(method, $"api{path.Replace("{channel}", "room:lobby").Replace("{id}", "none").Replace("{client}", "nobody").Replace("{room}", "none").Replace("{lockspace}", "none").Replace("{lock}", "none")}?{query}");
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", host.Node.Token("amy"));
                request.Content = operation.RequestBody is null ? null : new StringContent("""{"nonsense":1}""", Encoding.UTF8, "application/json");
                using var response = await host.Node.Http.SendAsync(request);
                var body = await response.Content.ReadFromJsonAsync<JsonElement>();

                // A body that it does not know is refused as a body; without one the operation itself answers.
                operation.Responses!.Should().ContainKey($"{(int)response.StatusCode}", operation.OperationId);
                if (operation.RequestBody is not null)
                {
                    response.StatusCode.Should().Be(HttpStatusCode.BadRequest, operation.OperationId);
                }
                else
                {
                    body.TryGetProperty("error", out var error);
                    (error.ValueKind == JsonValueKind.Undefined || error.GetProperty("code").GetInt32() >= 200).Should().BeTrue($"{operation.OperationId} answered {body}");
                }
            }
        }
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    public async Task The_applications_own_description_has_nothing_of_ours()
    {
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Prefix = "/rt";
            s.Services = services => services.AddEndpointsApiExplorer();
            s.Application = app => app.MapGet("/orders", () => "none");
        });

        node.Services.GetRequiredService<IApiDescriptionGroupCollectionProvider>().ApiDescriptionGroups.Items.SelectMany(g => g.Items).Select(d => d.RelativePath).Should().Equal("orders");
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    public async Task The_applications_JSON_settings_change_nothing_of_ours()
    {
        await using var node = await TestNode.StartAsync(s => s.Services = services => services.ConfigureHttpJsonOptions(o => o.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseUpper));
        var api = new ApiUnderTest(node);

        var answer = await api.PostAsync("messages", "amy", """{"to":"room:lobby","text":"hi"}""");

        answer.Body.GetProperty("messageId").GetString().Should().NotBeNullOrEmpty();
        (await node.Http.GetFromJsonAsync<JsonElement>("api/openapi.json")).GetProperty("components").GetProperty("schemas").GetProperty("SendResponse").GetProperty("properties").TryGetProperty("messageId", out _)
            .Should().BeTrue();
    }

    private static string Sample(IOpenApiParameter parameter) => parameter switch
    {
        { Name: "since" } => "0@",
        { Schema.Type: JsonSchemaType.Integer } => "1",
        { Schema.Type: JsonSchemaType.Boolean } => "true",
        _ => "amy",
    };

    private static IEnumerable<string> References(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(p => p.Name == "$ref" ? [p.Value.GetString()!] : References(p.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(References),
        _ => [],
    };

    private static bool Resolves(JsonElement document, string reference)
    {
        foreach (var step in reference.Split('/').Skip(1))
        {
            if (!document.TryGetProperty(step, out document))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>One node for the class, below a prefix.</summary>
    public sealed class Host : IAsyncLifetime
    {
        public TestNode Node { get; private set; } = null!;

        public async Task InitializeAsync() => Node = await TestNode.StartAsync(s => s.Prefix = "/rt");

        public async Task DisposeAsync() => await Node.DisposeAsync();
    }
}
