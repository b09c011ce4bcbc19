using System.Net;
using System.Text.Json;
using System.Web;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Duplexity.Server.Tests.Redis;

/// <summary>Two nodes behind one address: whichever node a browser, a program or a page comes to, it is the same service (2.6).</summary>
public sealed class RedisSignInTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [Trait("Requirement", "2.6")]
    [Trait("Requirement", "2.7")]
    [Trait("Guarantee", "G1")]
    [Trait("Guarantee", "G18")]
    public async Task A_sign_in_that_was_begun_at_one_node_comes_back_and_is_proved_at_the_other(int begun, int finished)
    {
        await using var house = await House.StartAsync(redis);
        house.Front.Place = path => path == "/auth" ? begun : finished;
        await using var terminal = await WaitingProgram.StartAsync(house.Front.Http);
        using var browser = new BrowserRobot();

        await browser.OpenAsync(terminal.Link, stop: uri => uri.AbsolutePath == "/auth/callback");
        var callback = browser.SentTo!;
        using var thief = new BrowserRobot();
        await thief.OpenAsync(callback);
        thief.Status.Should().Be(HttpStatusCode.BadRequest, "the cookie of the browser that left is missing");
        await browser.OpenAsync(callback);
        browser.Status.Should().Be(HttpStatusCode.BadRequest, "a state is good once, on all nodes together");
        await browser.OpenAsync(new Uri(house.Front.Address, "auth/callback?code=x&state=made-up"));
        browser.Status.Should().Be(HttpStatusCode.BadRequest);

        await browser.OpenAsync(terminal.Link);
        browser.Page.Should().Contain("Connect a program").And.Contain("amy").And.Contain("test on laptop");
        (await terminal.ProveAsync()).Should().Be(HttpStatusCode.Forbidden, "nobody has typed anything");
        await browser.SubmitAsync("BBBB-BBBB");
        browser.Page.Should().Contain("not the code");
        var secrets = await house.SecretsAsync();
        secrets.Should().NotBeEmpty().And.NotContain(s => s.Contains(terminal.Code) || s.Contains(terminal.Verifier) || System.Text.RegularExpressions.Regex.IsMatch(s, @"eyJ[\w-]+\.eyJ"), "they are sealed, and no JWT is among them");
        await browser.SubmitAsync(terminal.Code);
        browser.Page.Should().Contain("Connected");
        (await terminal.NextAsync()).GetProperty("event").GetString().Should().Be("approved");
        (await terminal.ProveAsync(verifier: new string('v', 43))).Should().Be(HttpStatusCode.Forbidden);
        (await terminal.ProveAsync()).Should().Be(HttpStatusCode.NoContent);
        var tokens = await terminal.NextAsync();
        (await terminal.ProveAsync()).Should().Be(HttpStatusCode.Forbidden, "once");

        tokens.GetProperty("client").GetString().Should().Be("amy");
        foreach (var node in house.Nodes)
        {
            await using var socket = await StockSocket.ConnectAsync(new Uri(node.Address, "data"), tokens.GetProperty("access_token").GetString()!);
            socket.Welcome.Clients.Should().Equal("amy");
        }

        // The handle renews at either, and the token that the one made is good at the other.
        foreach (var at in (int[])[finished, begun])
        {
            (var status, tokens) = await SignInRig.RefreshAsync(house.Nodes[at], tokens);
            status.Should().Be(HttpStatusCode.OK);
            await using var socket = await StockSocket.ConnectAsync(new Uri(house.Nodes[1 - at].Address, "data"), tokens.GetProperty("access_token").GetString()!);
        }

        await terminal.Invoking(t => t.NextAsync()).Should().ThrowAsync<IOException>("the answer has ended");
        (await house.SecretsAsync()).Should().BeEmpty("nothing is kept of what is over");
    }

    [Fact]
    [Trait("Requirement", "2.6")]
    [Trait("Guarantee", "G1")]
    public async Task The_fifth_wrong_code_ends_a_sign_in_wherever_they_were_typed_and_who_waits_is_told()
    {
        await using var house = await House.StartAsync(redis);
        house.Front.Place = _ => 0;
        await using var terminal = await WaitingProgram.StartAsync(house.Front.Http);
        using var browser = new BrowserRobot();
        await browser.OpenAsync(terminal.Link);
        for (var i = 0; i < 5; i++)
        {
            var at = i % 2;
            house.Front.Place = _ => at;
            await browser.SubmitAsync("BBBB-BBBB");
        }

        browser.Status.Should().Be(HttpStatusCode.Gone);
        (await terminal.NextAsync()).GetProperty("event").GetString().Should().Be("failed");
        (await terminal.ProveAsync()).Should().Be(HttpStatusCode.Forbidden);
    }

    [Fact]
    [Trait("Requirement", "2.6")]
    public async Task A_page_leaves_at_one_node_comes_back_at_the_other_and_gets_its_tokens_at_the_first_once()
    {
        await using var house = await House.StartAsync(redis);
        house.Front.Place = path => path == "/auth/callback" ? 1 : 0;
        using var browser = new BrowserRobot();
        var verifier = new string('v', 50);
        var challenge = Microsoft.IdentityModel.Tokens.Base64UrlEncoder.Encode(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(verifier)));
        const string Page = "https://app.example.org/back";

        await browser.OpenAsync(
            new Uri(house.Front.Address, $"auth/authorize?response_type=code&redirect_uri={Uri.EscapeDataString(Page)}&code_challenge={challenge}&code_challenge_method=S256"), stop: uri => uri.Host == "app.example.org");
        var code = HttpUtility.ParseQueryString(browser.SentTo!.Query)["code"]!;
        var answers = await Task.WhenAll(house.Nodes.Select(async node =>
        {
            using var answer = await node.Http.PostAsync("auth/token", new FormUrlEncodedContent(new Dictionary<string, string>
            {
                ["grant_type"] = "authorization_code",
                ["code"] = code,
                ["redirect_uri"] = Page,
                ["code_verifier"] = verifier,
            }));
            return (answer.StatusCode, Text: await answer.Content.ReadAsStringAsync());
        }));

        answers.Select(a => a.StatusCode).Should().BeEquivalentTo([HttpStatusCode.OK, HttpStatusCode.Unauthorized], "of both at once one has it");
        JsonDocument.Parse(answers.Single(a => a.StatusCode == HttpStatusCode.OK).Text).RootElement.GetProperty("client").GetString().Should().Be("amy");
    }

    [Fact]
    [Trait("Requirement", "2.6")]
    [Trait("Guarantee", "G24")]
    public async Task While_redis_is_away_nobody_signs_in_which_is_said_and_leaves_nothing_behind()
    {
        await using var server = await RedisProcess.StartAsync("--appendfsync", "always");
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s =>
        {
            s.Builder = b => b.AddRedis(server.Connection);
            s.Settings["Duplexity:Redis:Renewal"] = "00:00:00.1";
            s.Options = o => o.Limits.SignInsPerAddress = 1;
        });
        var tokens = await SignInRig.SignInAsync(node, provider, "amy");

        await server.KillAsync();
        await node.Logs.WaitForAsync("Redis is away", l => l.Event.Id == 8010);
        var begun = await node.Invoking(n => WaitingProgram.StartAsync(n.Http)).Should().ThrowAsync<HttpRequestException>();
        var refreshed = await SignInRig.RefreshAsync(node, tokens);
        await server.StartAgainAsync();
        await node.Logs.WaitForAsync("Redis is back", l => l.Event.Id == 8011);

        begun.Which.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        refreshed.Status.Should().Be(HttpStatusCode.ServiceUnavailable);
        (await SignInRig.RefreshAsync(node, tokens)).Status.Should().Be(HttpStatusCode.OK, "the handle stands");
        (await SignInRig.SignInAsync(node, provider, "amy")).GetProperty("client").GetString().Should().Be("amy", "the one place of this address is free");
    }

    /// <summary>Two nodes outside Development on one Redis, behind one address, and the provider where people sign in.</summary>
    private sealed class House : IAsyncDisposable
    {
        private readonly string _prefix;
        private readonly RedisFixture _redis;
        private readonly TestProvider _provider;

        private House(RedisFixture redis, string prefix, TestProvider provider, Front front) => (_redis, _prefix, _provider, Front) = (redis, prefix, provider, front);

        public Front Front { get; }

        public TestNode[] Nodes { get; private set; } = [];

        public static async Task<House> StartAsync(RedisFixture redis)
        {
            var (prefix, key) = (redis.NextPrefix(), Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32)));
            var house = new House(redis, prefix, await TestProvider.StartAsync(), await Front.StartAsync());

            // Together, so that each might draw keys of its own.
            house.Nodes = await Task.WhenAll(((string[])["a", "b"]).Select(name => SignInRig.StartAsync(house._provider, s =>
            {
                s.Environment = "Production";
                s.Settings["Duplexity:Url"] = house.Front.Address.AbsoluteUri;
                s.Settings["Duplexity:Node:Name"] = name;
                s.Settings["Duplexity:Origins:0"] = "https://app.example.org";
                s.Settings["Duplexity:Cluster:Key"] = key;
                s.Settings["Duplexity:Redis:Prefix"] = prefix;
                s.Builder = b => b.AddRedis(redis.Server.Connection);
            })));
            house.Front.Targets = [.. house.Nodes.Select(n => n.Listening)];
            return house;
        }

        /// <summary>What lies in the vault.</summary>
        public async Task<string[]> SecretsAsync()
        {
            await using var admin = await _redis.Server.ConnectAsync();
            var keys = admin.GetServers()[0].Keys(pattern: $"*{_prefix}*vault:*").ToArray();
            return [.. (await admin.GetDatabase().StringGetAsync(keys)).Where(v => v.HasValue).Select(v => v.ToString())];
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var node in Nodes)
            {
                await node.DisposeAsync();
            }

            await Front.DisposeAsync();
            await _provider.DisposeAsync();
        }
    }

    /// <summary>One address that hands each request to the node that the test names, as a balancer without stickiness might.</summary>
    private sealed class Front : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private readonly HttpMessageInvoker _out = new(new SocketsHttpHandler { UseCookies = false, UseProxy = false, AllowAutoRedirect = false });

        private Front(WebApplication app)
        {
            _app = app;
            app.Run(HandOnAsync);
        }

        public Func<string, int> Place { get; set; } = _ => 0;

        public IReadOnlyList<Uri> Targets { get; set; } = [];

        public Uri Address => new(_app.Urls.First() + "/");

        public HttpClient Http { get; private set; } = null!;

        public static async Task<Front> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UseUrls("http://127.0.0.1:0");
            var front = new Front(builder.Build());
            await front._app.StartAsync();
            front.Http = new HttpClient(new SocketsHttpHandler { UseCookies = false, UseProxy = false, AllowAutoRedirect = false }) { BaseAddress = front.Address };
            return front;
        }

        public async ValueTask DisposeAsync()
        {
            Http.Dispose();
            _out.Dispose();
            await _app.DisposeAsync();
        }

        private async Task HandOnAsync(HttpContext context)
        {
            var request = context.Request;
            using var ask = new HttpRequestMessage(new HttpMethod(request.Method), new Uri(Targets[Place(request.Path)], $"{request.Path}{request.QueryString}"));
            ask.Content = HttpMethods.IsGet(request.Method) ? null : new StreamContent(request.Body);
            foreach (var (name, values) in request.Headers)
            {
                if (!ask.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
                {
                    ask.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
                }
            }

            using var answer = await _out.SendAsync(ask, context.RequestAborted);
            context.Response.StatusCode = (int)answer.StatusCode;
            foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers).Where(h => h.Key != "Transfer-Encoding"))
            {
                context.Response.Headers[name] = values.ToArray();
            }

            await answer.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
        }
    }
}
