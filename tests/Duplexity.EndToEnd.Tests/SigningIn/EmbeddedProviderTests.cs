using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Playwright;
using Xunit;

namespace Duplexity.EndToEnd.Tests.SigningIn;

/// <summary>A node of one's own with the embedded provider, from nothing: the service, the command line and Chromium without JavaScript, as a new user has them.</summary>
public sealed class EmbeddedProviderTests : IAsyncLifetime
{
    private const string Password = "correct horse battery";

    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("duplexity-home-");
    private readonly int _port = FreePorts.One();
    private readonly List<RealProcess> _running = [];
    private Browser _browser = null!;

    private string Service => $"http://localhost:{_port}";

    [Fact]
    [Trait("Requirement", "2.3")]
    [Trait("Requirement", "2.5")]
    [Trait("Requirement", "2.7")]
    [Trait("Requirement", "3.10")]
    [Trait("Guarantee", "G1")]
    [Trait("Guarantee", "G8")]
    public async Task From_an_empty_folder_to_two_people_of_whom_one_puts_the_other_out()
    {
        // The first start: a link, a name, a password.
        var node = Start();
        var first = (await node.LineAsync("/openid/first?token=")).Trim();
        first.Should().StartWith($"{Service}/");
        var root = await _browser.OpenWithoutScriptsAsync(first);
        await PictureAsync(root, "first");
        await root.FillAsync("#name", "root");
        await ChooseAsync(root);
        await root.WaitForSelectorAsync("text=Welcome, root");
        await PictureAsync(root, "welcome");

        // On the same machine: the browser brings the grant by itself.
        await using (var login = Cli("root", "login", Service))
        {
            await root.GotoAsync(await LinkAsync(login));
            await PictureAsync(root, "sign-in");
            await SignInAsync(root, "root", "a wrong password");
            await root.WaitForSelectorAsync("text=That is not a name and its password");
            await PictureAsync(root, "sign-in-wrong");
            await SignInAsync(root, "root", Password);
            await root.WaitForSelectorAsync("text=/Connected|Connect a program|Going on/");
            await PictureAsync(root, "connected");
            await root.WaitForSelectorAsync("text=Connected. You can close this page.");
            (await login.ExitAsync(TestTimeout.Long)).Should().Be(0, login.Output);
        }

        (await OutputAsync(0, "root", "whoami")).Should().Contain("root at");

        // The next person, invited, and at a browser on another machine.
        var added = await OutputAsync(0, "root", "user", "add", "amy", "--role", "developers");
        var invitation = added.Split('\n').First(l => l.Contains("/openid/invitation?token=", StringComparison.Ordinal)).Trim();
        var amy = await _browser.OpenWithoutScriptsAsync(invitation);
        await PictureAsync(amy, "invitation");
        await ChooseAsync(amy);
        await amy.WaitForSelectorAsync("text=Your password is set, amy");
        await using (var login = Cli("amy", "login", Service, "--no-browser"))
        {
            var code = (await login.LineAsync("code ", TestTimeout.Long)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
            await amy.GotoAsync(await LinkAsync(login));
            await SignInAsync(amy, "amy", Password);
            await amy.FillAsync("#code", code);
            await amy.ClickAsync("button[type=submit]");
            await amy.WaitForSelectorAsync("text=You can close this page");
            (await login.ExitAsync(TestTimeout.Long)).Should().Be(0, login.Output);
        }

        (await OutputAsync(0, "amy", "whoami")).Should().Contain("amy at");
        (await OutputAsync(5, "amy", "user", "list")).Should().Contain("may not administer");

        // Out, with the socket that is open now.
        await using var listening = Cli("amy", "tail", "lobby");
        await listening.LineAsync("listening to", TestTimeout.Long);
        await OutputAsync(0, "root", "user", "disable", "amy");
        (await listening.ExitAsync(TestTimeout.Long)).Should().Be(5, listening.Output);
        (await OutputAsync(0, "root", "user", "list")).Should().MatchRegex("amy +developers +disabled");
        await OutputAsync(4, "amy", "whoami");

        // A restart forgets nothing, and prints no link any more.
        node.SendTerminate();
        (await node.ExitAsync(TestTimeout.Long)).Should().Be(0, node.Output);
        var again = Start();
        await again.LineAsync("listens on", TestTimeout.Long);
        (await OutputAsync(0, "root", "user", "list")).Should().MatchRegex("amy +developers +disabled");
        again.Output.Should().NotContain("token=");
    }

    [Fact]
    [Trait("Requirement", "2.7")]
    public async Task Another_program_is_told_who_a_person_is_when_the_person_says_so()
    {
        // The program is a page at another origin: a form of ours leads back to it.
        await using var wiki = await PageServer.StartAsync("<h1>the wiki</h1>", () => "");
        var back = $"http://127.0.0.1:{wiki.Port}/";
        var node = Start("--Duplexity:OpenId:Clients:wiki:Name=The Wiki", $"--Duplexity:OpenId:Clients:wiki:Redirects:0={back}");
        var page = await _browser.OpenWithoutScriptsAsync((await node.LineAsync("/openid/first?token=")).Trim());
        await page.FillAsync("#name", "root");
        await ChooseAsync(page);
        await page.WaitForSelectorAsync("text=Welcome, root");

        await page.GotoAsync($"{Service}/openid/authorize?client_id=wiki&redirect_uri={Uri.EscapeDataString(back)}&response_type=code&scope=openid%20roles&state=s&code_challenge={new string('c', 43)}&code_challenge_method=S256");
        await SignInAsync(page, "root", Password);
        await page.WaitForSelectorAsync("text=The Wiki wants to sign you in");
        await PictureAsync(page, "consent");
        await page.ClickAsync("button[value=yes]");
        await page.WaitForSelectorAsync("text=the wiki");

        page.Url.Should().StartWith(back).And.Contain("code=");
    }

    public async Task InitializeAsync() => _browser = await Browser.StartAsync();

    public async Task DisposeAsync()
    {
        await _browser.DisposeAsync();
        foreach (var process in _running)
        {
            await process.DisposeAsync();
        }

        _home.Delete(recursive: true);
    }

    private static async Task<string> LinkAsync(RealProcess login) => (await login.LineAsync("open ", TestTimeout.Long)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^1];

    private static async Task ChooseAsync(IPage page)
    {
        await page.FillAsync("#password", Password);
        await page.FillAsync("#again", Password);
        await page.ClickAsync("button[type=submit]");
    }

    private static async Task SignInAsync(IPage page, string name, string password)
    {
        await page.FillAsync("#name", name);
        await page.FillAsync("#password", password);
        await page.ClickAsync("button[type=submit]");
    }

    /// <summary>For people to look at: in light and dark, on a desk and on a telephone.</summary>
    private static async Task PictureAsync(IPage page, string name)
    {
        if (Environment.GetEnvironmentVariable("DUPLEXITY_SCREENSHOTS") is not { Length: > 0 } folder)
        {
            return;
        }

        foreach (var scheme in (ColorScheme[])[ColorScheme.Dark, ColorScheme.Light])
        {
            await page.EmulateMediaAsync(new PageEmulateMediaOptions { ColorScheme = scheme });
            foreach (var (width, height) in ((int, int)[])[(375, 700), (1100, 750)])
            {
                await page.SetViewportSizeAsync(width, height);
                await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, $"{name}-{scheme}-{width}.png") });
            }
        }
    }

    private RealProcess Start(params string[] settings)
    {
        var process = RealProcess.Start(
            ProcessTools.DotNet,
            [ProcessTools.Built("server/Duplexity.Host", "Duplexity.Host.dll"), "--urls", Service, "--environment", "Production", "--Duplexity:Auth:Embedded=true", "--Duplexity:Pipes:Ports=", .. settings],
            [("DOTNET_NOLOGO", "1"), ("ASPNETCORE_ENVIRONMENT", null), ("DOTNET_ENVIRONMENT", null), ("ASPNETCORE_URLS", null)],
            _home.FullName);
        _running.Add(process);
        return process;
    }

    /// <summary>The command line of one person, whose home folder begins empty.</summary>
    private RealProcess Cli(string person, params string[] arguments)
    {
        var home = Path.Combine(_home.FullName, person);
        Directory.CreateDirectory(home);
        return RealProcess.Start(
            ProcessTools.DotNet,
            [ProcessTools.Built("client-sdk/Duplexity.Cli", "duplexity.dll"), .. arguments],
            [
                ("HOME", home), ("XDG_STATE_HOME", Path.Combine(home, "state")), ("XDG_CONFIG_HOME", Path.Combine(home, "config")),
                ("DUPLEXITY_SERVER", null), ("DUPLEXITY_AS", null), ("DUPLEXITY_TOKEN", null), ("DUPLEXITY_KEY", null), ("DOTNET_NOLOGO", "1"),
            ],
            home);
    }

    private async Task<string> OutputAsync(int exit, string person, params string[] arguments)
    {
        await using var run = Cli(person, arguments);
        (await run.ExitAsync(TestTimeout.Long)).Should().Be(exit, run.Output);
        return run.Output;
    }
}
