using System.Net;
using System.Net.Http.Json;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Security;

/// <summary>The development identity belongs to whoever can read the secret file, and to no address.</summary>
[Trait("Guarantee", "G6")]
public sealed class DevelopmentIdentityTests
{
    [Fact]
    public async Task Whoever_can_read_the_secret_file_gets_a_token_for_any_name()
    {
        await using var node = await TestNode.StartAsync();

        var token = await DevelopmentToken.For(node.Address, "anybody")(CancellationToken.None);

        using var request = new HttpRequestMessage(HttpMethod.Get, "auth") { Headers = { Authorization = new("Bearer", token) } };
        using var response = await node.Http.SendAsync(request);
        (await response.Content.ReadAsStringAsync()).Should().Contain("anybody");
        if (!OperatingSystem.IsWindows())
        {
            File.GetUnixFileMode(DevelopmentSecret.PathFor(node.Port)).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    [Fact]
    public async Task A_page_that_rebinds_its_name_to_this_machine_gets_nothing()
    {
        await using var node = await TestNode.StartAsync();
        await using var browser = await Browser.StartAsync("rebind.test");
        var page = await browser.OpenReboundAsync($"http://rebind.test:{node.Port}/", "<!doctype html>rebound");

        var answer = await page.EvaluateAsync<string>("""
            () => fetch("/auth/development", { method: "POST", headers: { "content-type": "application/json" }, body: '{"client":"amy"}' })
              .then(async r => `${r.status} ${await r.text()}`, () => "refused")
            """);

        answer.Should().StartWith("404").And.NotContain("token");
    }

    [Fact]
    public async Task A_simple_post_from_a_page_of_another_origin_gets_nothing()
    {
        await using var node = await TestNode.StartAsync();
        await using var pages = await PageServer.StartAsync("<!doctype html>hello", () => "");
        await using var browser = await Browser.StartAsync("page.test");
        var page = await browser.OpenAsync($"http://page.test:{pages.Port}/");

        // What needs no preflight: the request goes out, whether the page may read the answer or not.
        var blind = page.EvaluateAsync<string>($$"""
            () => fetch("http://localhost:{{node.Port}}/auth/development", { method: "POST", mode: "no-cors", body: '{"client":"amy"}' }).then(r => r.type + r.status, () => "refused")
            """);
        var seeing = page.EvaluateAsync<string>($$"""
            () => fetch("http://localhost:{{node.Port}}/auth/development", { method: "POST", body: '{"client":"amy"}' }).then(r => r.text(), () => "refused")
            """);

        (await blind).Should().BeOneOf("opaque0", "refused");
        (await seeing).Should().Be("refused");
    }

    [Fact]
    public async Task An_nginx_in_front_as_it_comes_opens_nothing_to_the_internet()
    {
        await using var node = await TestNode.StartAsync();
        await using var nginx = await Nginx.StartAsync(node.Port, withFiles: false);
        using var visitor = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{nginx.PlainProxyPort}/") };

        using var direct = await visitor.PostAsJsonAsync("auth/development", new { client = "amy" });
        using var unknown = await visitor.PostAsJsonAsync("no/such/path", new { client = "amy" });

        direct.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await direct.Content.ReadAsStringAsync()).Should().Be(await unknown.Content.ReadAsStringAsync(), "it does not even say that it exists");
    }

    [Fact]
    public async Task A_pipe_onto_the_service_itself_is_refused_with_the_secret_too()
    {
        await using var node = await TestNode.StartAsync();
        var secret = (await File.ReadAllTextAsync(DevelopmentSecret.PathFor(node.Port))).Trim();
        await using var owner = await node.ConnectAsync("todd");
        await using var pipe = await owner.Pipes.OpenAsync("self", $"localhost:{node.Port}", new PipeOptions { HostHeader = "resource" });
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(node.Listening, "auth/development")) { Content = JsonContent.Create(new { client = "amy" }) };
        request.Headers.Add(DevelopmentSecret.Header, secret);

        using var response = await node.VisitAsync("self", request);

        response.StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await response.Content.ReadAsStringAsync()).Should().NotContain("access_token");
    }

    [Fact]
    public async Task A_development_token_is_worth_nothing_in_production()
    {
        string? token;
        var port = FreePorts.One();
        await using (var development = await TestNode.StartAsync(setup => setup.Url = $"http://127.0.0.1:{port}"))
        {
            token = await DevelopmentToken.For(development.Address, "amy")(CancellationToken.None);
        }

        await using var production = await TestNode.StartAsync(setup =>
        {
            setup.Url = $"http://127.0.0.1:{port}";
            setup.Environment = "Production";
        });
        using var request = new HttpRequestMessage(HttpMethod.Get, "auth") { Headers = { Authorization = new("Bearer", token) } };
        using var response = await production.Http.SendAsync(request);

        response.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        File.Exists(DevelopmentSecret.PathFor(port)).Should().BeFalse("the secret goes with the service, and Production writes none");
    }

    [Fact]
    public async Task Production_without_an_issuer_does_not_start_and_says_what_to_set()
    {
        await using var service = RealProcess.Start(
            ProcessTools.DotNet,
            [ProcessTools.Built("server/Duplexity.Host", "Duplexity.Host.dll"), "--urls", "http://127.0.0.1:0", "--environment", "Production"],
            [("ASPNETCORE_ENVIRONMENT", null), ("DOTNET_ENVIRONMENT", null), ("ASPNETCORE_URLS", null)]);

        (await service.ExitAsync()).Should().NotBe(0);

        service.Output.Should().Contain("Duplexity__Auth__Keys__app__Issuer=");
    }
}
