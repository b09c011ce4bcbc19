using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Server;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Messaging;

/// <summary>The README's page in a real browser, served from another origin than the hub's.</summary>
[Trait("Guarantee", "G5")]
public sealed class BrowserPageTests
{
    // DESIGN's page: SERVER stands for the hub's address, getToken and show are the application's.
    private const string Page = """
        <!doctype html>
        <script src="/signalr.js"></script>
        <ul id="messages"></ul>
        <p id="state">starting</p>
        <script>
        const getToken = async () => await (await fetch("/token")).text();
        const show = (channel, from, text) => { const li = document.createElement("li"); li.textContent = `${channel} ${from}: ${text}`; messages.append(li); };
        const hub = new signalR.HubConnectionBuilder()
          .withUrl("SERVERdata", { accessTokenFactory: getToken, skipNegotiation: true, transport: signalR.HttpTransportType.WebSockets })
          .withAutomaticReconnect({ nextRetryDelayInMilliseconds: c => Math.random() * Math.min(30_000, 1000 * 2 ** c.previousRetryCount) }).build();
        const places = {};                                                            // channel → position: a reconnect misses nothing
        const join = async channel => { const j = await hub.invoke("Join", { channel, since: places[channel], last: 50 }); places[channel] ??= j.position; };
        hub.on("Deliver", batch => { for (const m of batch) { places[m.channel] = m.position; show(m.channel, m.from.client, m.text); } });
        hub.onreconnected(() => Promise.all(Object.keys(places).map(join)));
        (async () => {
          try {
            await hub.start(); await join("room:lobby");
            const receipt = await hub.invoke("Send", { to: ["room:lobby"], text: "hello" });
            state.textContent = `sent ${receipt.destinations[0].position.offset}`;
          } catch (e) { state.textContent = `failed ${e}`; }
        })();
        </script>
        """;

    [Fact]
    public async Task The_page_talks_to_the_hub_when_its_origin_is_allowed()
    {
        await using var stage = await Stage.StartAsync(isAllowed: true);
        await using var reader = await stage.Node.ConnectAsync("reader");
        await using var room = await reader.JoinAsync("lobby", new JoinOptions { Last = 10 });
        using var heard = new Heard(room);

        var page = await stage.OpenAsync();
        await page.WaitForSelectorAsync("text=sent");
        (await heard.NextAsync()).From.Client.Should().Be("browser");
        await stage.Node.Services.GetRequiredService<IDuplexity>().SendAsync(Address.Room("lobby"), "hello page");

        await page.WaitForSelectorAsync("text=room:lobby service:app: hello page");
        (await page.Locator("#messages li").CountAsync()).Should().Be(1, "the page does not hear itself");
    }

    [Fact]
    public async Task The_page_is_refused_when_its_origin_is_not_allowed()
    {
        await using var stage = await Stage.StartAsync(isAllowed: false);

        var page = await stage.OpenAsync();

        await page.WaitForSelectorAsync("text=failed");
    }

    /// <summary>A node outside Development, a page at another origin, and a browser.</summary>
    private sealed class Stage(TestNode node, PageServer server, Browser browser) : IAsyncDisposable
    {
        public TestNode Node => node;

        public static async Task<Stage> StartAsync(bool isAllowed)
        {
            // Page and hub name each other's port: the hub's is fixed first.
            TestNode? node = null;
            var port = FreePorts.One();
            var server = await PageServer.StartAsync(Page.Replace("SERVER", $"http://127.0.0.1:{port}/", StringComparison.Ordinal), () => node!.Token("browser"));
            node = await TestNode.StartAsync(setup =>
            {
                setup.Url = $"http://127.0.0.1:{port}";
                setup.Environment = "Production";
                if (isAllowed)
                {
                    setup.Settings["Duplexity:Origins:0"] = $"http://app.test:{server.Port}";
                }
            });
            return new Stage(node, server, await Browser.StartAsync("app.test"));
        }

        public Task<IPage> OpenAsync() => browser.OpenAsync($"http://app.test:{server.Port}/");

        public async ValueTask DisposeAsync()
        {
            await browser.DisposeAsync();
            await server.DisposeAsync();
            await node.DisposeAsync();
        }
    }
}
