using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Playwright;
using Xunit;

namespace Duplexity.EndToEnd.Tests.SigningIn;

/// <summary>Signing in through a provider that somebody else wrote (oidc-provider), in a real browser.</summary>
public sealed class OidcProviderTests
{
    [Fact]
    [Trait("Requirement", "2.5")]
    [Trait("Requirement", "2.7")]
    [Trait("Guarantee", "G1")]
    public async Task A_person_signs_in_at_an_independent_provider_and_connects_a_headless_machine_by_its_code()
    {
        await using var house = await House.StartAsync();
        var (node, service) = (house.Node, house.Service);
        await using var browser = await Browser.StartAsync();
        using var http = new HttpClient { BaseAddress = service };

        await using var terminal = await WaitingProgram.StartAsync(http, program: "a server in a rack");

        // The whole way of a person: the link, the provider's own pages, ours.
        var page = await browser.OpenAsync(terminal.Link.AbsoluteUri);
        await SignInAsync(page, "amy");
        await page.WaitForSelectorAsync("#code");
        (await page.ContentAsync()).Should().Contain("amy").And.Contain("a server in a rack");
        if (Environment.GetEnvironmentVariable("DUPLEXITY_SCREENSHOTS") is { Length: > 0 } folder)
        {
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, "connect.png") });
        }

        await page.FillAsync("#code", terminal.Code);
        await page.ClickAsync("button[type=submit]");
        await page.WaitForSelectorAsync("text=You can close this page");
        (await terminal.NextAsync()).GetProperty("event").GetString().Should().Be("approved");
        (await terminal.ProveAsync()).Should().Be(HttpStatusCode.NoContent);
        var tokens = await terminal.NextAsync();

        tokens.GetProperty("client").GetString().Should().Be("amy");
        await using var socket = await StockSocket.ConnectAsync(new Uri(service, "data"), tokens.GetProperty("access_token").GetString()!);
        socket.Welcome.Clients.Should().Equal("amy");
        using var refreshed = await http.PostAsJsonAsync("auth/refresh", new { refresh_token = tokens.GetProperty("refresh_token").GetString() });
        (await refreshed.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("client").GetString().Should().Be("amy");
        node.Logs.Lines.Should().NotContain(l => l.Text.Contains(terminal.Verifier) || l.Text.Contains(terminal.Code));

        // A second link, mailed by somebody else, opened by the person who is still signed in at the provider: nothing leaves without the code.
        await using var attacker = await WaitingProgram.StartAsync(http, program: "attacker");
        await page.GotoAsync(attacker.Link.AbsoluteUri);
        await page.WaitForSelectorAsync("#code");
        (await attacker.ProveAsync()).Should().Be(HttpStatusCode.Forbidden);
    }

    [Fact]
    [Trait("Requirement", "2.3")]
    [Trait("Requirement", "2.5")]
    [Trait("Guarantee", "G1")]
    public async Task From_an_empty_home_folder_a_person_logs_in_talks_serves_at_a_public_name_makes_a_key_and_logs_out()
    {
        await using var house = await House.StartAsync();
        await using var browser = await Browser.StartAsync();
        var home = Directory.CreateTempSubdirectory("duplexity-home-");
        RealProcess Run(string? key, params string[] arguments) => RealProcess.Start(
            ProcessTools.DotNet,
            [ProcessTools.Built("client-sdk/Duplexity.Cli", "duplexity.dll"), .. arguments],
            [
                ("HOME", home.FullName), ("XDG_STATE_HOME", Path.Combine(home.FullName, "state")), ("XDG_CONFIG_HOME", Path.Combine(home.FullName, "config")),
                ("DUPLEXITY_SERVER", null), ("DUPLEXITY_AS", null), ("DUPLEXITY_TOKEN", null), ("DUPLEXITY_KEY", key), ("DOTNET_NOLOGO", "1"),
            ],
            home.FullName);
        async Task<string> OutputAsync(int exit, string? key, params string[] arguments)
        {
            await using var run = Run(key, arguments);
            (await run.ExitAsync(TestTimeout.Long)).Should().Be(exit, run.Output);
            return run.Output;
        }

        (await OutputAsync(4, null, "--server", house.Service.AbsoluteUri, "whoami")).Should().Contain("duplexity login");

        // The browser is on the same machine: it brings the grant by itself, and nobody types anything.
        await using (var login = Run(null, "login", house.Service.AbsoluteUri))
        {
            var link = (await login.LineAsync("open ", TestTimeout.Long)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^1];
            var page = await browser.OpenAsync(link);
            await SignInAsync(page, "amy");
            await page.WaitForSelectorAsync("text=Connected. You can close this page.");
            (await login.ExitAsync(TestTimeout.Long)).Should().Be(0, login.Output);
            login.Output.Should().Contain("signed in as amy");
        }

        var kept = new FileInfo(Path.Combine(home.FullName, "config", "duplexity", "signed-in.json"));
        kept.UnixFileMode.Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        (await OutputAsync(0, null, "whoami")).Should().Contain("amy at");
        await OutputAsync(0, null, "send", "lobby", "hello");
        await OutputAsync(0, null, "explain", "send", "lobby");
        (await OutputAsync(5, null, "explain", "administer", "client:ben")).Should().Contain("scope");
        await using (var resource = await PageServer.StartAsync("<h1>amy's cats</h1>", () => ""))
        await using (var up = Run(null, "up", $"cat1={resource.Port}"))
        {
            var url = (await up.LineAsync("ready ", TestTimeout.Long)).Split(' ')[1].Trim();
            var cats = await browser.OpenAsync(url);
            await cats.WaitForSelectorAsync("text=amy's cats");
            up.SendInterrupt();
            (await up.ExitAsync(TestTimeout.Long)).Should().Be(130, up.Output);
        }

        (await OutputAsync(3, null, "--server", "http://127.0.0.1:9", "whoami")).Should().NotContain("amy at");
        var key = (await OutputAsync(0, null, "key", "add", "rack")).Split('\n').First(l => l.StartsWith("dxk_", StringComparison.Ordinal)).Trim();
        (await OutputAsync(0, key, "--server", house.Service.AbsoluteUri, "whoami")).Should().Contain("amy at");
        await OutputAsync(0, null, "key", "remove", "rack");
        await OutputAsync(4, key, "--server", house.Service.AbsoluteUri, "whoami");
        await OutputAsync(0, null, "logout");
        await OutputAsync(4, null, "--server", house.Service.AbsoluteUri, "whoami");
        kept.Refresh();
        (await File.ReadAllTextAsync(kept.FullName)).Should().NotContain("dxr_");
        home.Delete(recursive: true);
    }

    private static async Task SignInAsync(IPage page, string client)
    {
        await page.FillAsync("input[name=login]", client);
        await page.FillAsync("input[name=password]", "anything");
        await page.ClickAsync("button[type=submit]");
        await page.ClickAsync("button[type=submit]");
    }

    /// <summary>A node outside Development whose people sign in at a real oidc-provider.</summary>
    private sealed class House : IAsyncDisposable
    {
        public required TestNode Node { get; init; }

        public required RealProcess Provider { get; init; }

        public Uri Service => new($"http://localhost:{Node.Port}/");

        public static async Task<House> StartAsync()
        {
            var secret = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
            var port = FreePorts.Range(1).First;
            var node = await TestNode.StartAsync(s =>
            {
                s.Environment = "Production";
                s.TrustTestIssuer = false;
                s.Settings["Duplexity:Auth:Oidc:Authority"] = $"http://127.0.0.1:{port}";
                s.Settings["Duplexity:Auth:Oidc:ClientId"] = "duplexity";
                s.Settings["Duplexity:Auth:Oidc:ClientSecret"] = secret;
                s.Settings["Duplexity:Pipes:Publish:0"] = "*";
            });
            var provider = RealProcess.Start(
                "node",
                ["oidc.mjs"],
                [("PORT", $"{port}"), ("REDIRECT", $"http://localhost:{node.Port}/auth/callback"), ("SECRET", secret)],
                Path.Combine(ProcessTools.Root, "tests/Duplexity.EndToEnd.Tests/node"));
            await provider.LineAsync("ready", TestTimeout.Long);
            return new House { Node = node, Provider = provider };
        }

        public async ValueTask DisposeAsync()
        {
            await Provider.DisposeAsync();
            await Node.DisposeAsync();
        }
    }
}
