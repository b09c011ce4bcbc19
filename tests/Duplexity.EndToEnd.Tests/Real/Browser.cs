using Duplexity.Testing;
using Microsoft.Playwright;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>Debian's Chromium without a screen. Names that the tests make up resolve to this machine; a profile of its own each time.</summary>
public sealed class Browser : IAsyncDisposable
{
    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;

    private Browser(IPlaywright playwright, IBrowser browser)
    {
        _playwright = playwright;
        _browser = browser;
    }

    /// <summary>Starts it. <paramref name="hosts"/> resolve to 127.0.0.1.</summary>
    public static async Task<Browser> StartAsync(params string[] hosts)
    {
        var playwright = await Playwright.CreateAsync();
        var browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = ProcessTools.Chromium,
            Headless = true,
            Args =
            [
                "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--no-proxy-server", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                // Chromium's own guard of local addresses is not what these tests are about: the service must hold without it.
                "--disable-features=LocalNetworkAccessChecks",
                $"--host-resolver-rules={string.Join(',', hosts.Select(host => $"MAP {host} 127.0.0.1"))}",
            ],
        });
        return new Browser(playwright, browser);
    }

    /// <summary>Opens a page; whatever its status is.</summary>
    public async Task<IPage> OpenAsync(string url)
    {
        var page = await _browser.NewPageAsync();
        page.SetDefaultTimeout((float)TestTimeout.Long.TotalMilliseconds);
        await page.GotoAsync(url);
        return page;
    }

    /// <summary>Opens a page in a browser that runs no scripts.</summary>
    public async Task<IPage> OpenWithoutScriptsAsync(string url)
    {
        var page = await _browser.NewPageAsync(new BrowserNewPageOptions { JavaScriptEnabled = false });
        page.SetDefaultTimeout((float)TestTimeout.Long.TotalMilliseconds);
        await page.GotoAsync(url);
        return page;
    }

    /// <summary>Opens a page that came from elsewhere before its name was bound to this machine: <paramref name="html"/> under the origin of <paramref name="url"/>.</summary>
    public async Task<IPage> OpenReboundAsync(string url, string html)
    {
        var page = await _browser.NewPageAsync();
        page.SetDefaultTimeout((float)TestTimeout.Long.TotalMilliseconds);
        await page.RouteAsync(url, route => route.FulfillAsync(new RouteFulfillOptions { Body = html, ContentType = "text/html" }));
        await page.GotoAsync(url);
        return page;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }
}
