using System.Net;
using System.Net.Http.Json;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

[Trait("Guarantee", "G6")]
public sealed class DevelopmentIdentityTests
{
    /// <summary>Ways to ask that only somebody else than the user at this machine has; each with a good secret, unless it is the secret that is wrong.</summary>
    public static TheoryData<string> Foreign => new(Asking.Keys);

    private static Dictionary<string, Action<HttpRequestMessage>> Asking { get; } = new()
    {
        ["no secret"] = request => request.Headers.Remove(DevelopmentSecret.Header),
        ["another secret"] = request => Header(request, DevelopmentSecret.Header, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ["the secret and more"] = request => Header(request, DevelopmentSecret.Header, request.Headers.GetValues(DevelopmentSecret.Header).Single() + "A"),
        ["a rebound name"] = request => request.Headers.Host = $"rebind.test:{request.RequestUri!.Port}",
        ["a pipe's name"] = request => request.Headers.Host = $"cat1.localhost:{request.RequestUri!.Port}",
        ["an address that is not loopback"] = request => request.Headers.Host = $"192.168.1.5:{request.RequestUri!.Port}",
        ["a number for a name"] = request => request.Headers.Host = $"2130706433:{request.RequestUri!.Port}",
        ["the port of another service"] = request => request.Headers.Host = "localhost:5081",
        ["no port"] = request => request.Headers.Host = "localhost",
        ["the page's own origin"] = request => Header(request, "Origin", request.RequestUri!.GetLeftPart(UriPartial.Authority)),
        ["a foreign origin"] = request => Header(request, "Origin", "http://evil.test"),
        ["a page of the same site"] = request => Header(request, "Sec-Fetch-Site", "same-origin"),
        ["a page of another site"] = request => Header(request, "Sec-Fetch-Site", "cross-site"),
        ["Forwarded"] = request => Header(request, "Forwarded", "for=203.0.113.9"),
        ["X-Forwarded-For"] = request => Header(request, "X-Forwarded-For", "203.0.113.9"),
        ["X-Forwarded-Proto"] = request => Header(request, "x-forwarded-proto", "https"),
        ["Via"] = request => Header(request, "Via", "1.1 proxy"),
        ["GET"] = request => request.Method = HttpMethod.Get,
        ["OPTIONS"] = request => request.Method = HttpMethod.Options,
    };

    [Theory]
    [MemberData(nameof(Foreign))]
    public async Task For_anybody_but_the_user_at_this_machine_it_does_not_exist(string how)
    {
        await using var node = await AuthNode.StartAsync();

        var (status, head, body) = await AskAsync(node, Asking[how]);
        var unmapped = await AskAsync(node, Asking[how], "/auth/no-such-thing");
        status.Should().Be(HttpStatusCode.NotFound);
        (status, head, body).Should().Be(unmapped, "a path that was never mapped answers so");
    }

    [Theory]
    [MemberData(nameof(Foreign))]
    public async Task Where_the_application_answers_what_is_not_mapped_it_does_so_here_as_well(string how)
    {
        await using var node = await AuthNode.StartAsync(application: app => app.MapFallback(context => context.Response.WriteAsync("the application's page")));

        var (_, _, body) = await AskAsync(node, Asking[how]);
        body.Should().Be("the application's page");
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    public async Task Whoever_reads_the_secret_file_gets_a_token_for_any_name(string host)
    {
        await using var node = await AuthNode.StartAsync();
        using var answer = await SendAsync(node, request => request.Headers.Host = $"{host}:{request.RequestUri!.Port}");

        var granted = await answer.Content.ReadFromJsonAsync<JsonElement>();
        granted.GetProperty("token_type").GetString().Should().Be("Bearer");
        granted.GetProperty("expires_in").GetInt64().Should().Be(43_200);
        granted.GetProperty("client").GetString().Should().Be("amy");
        answer.Headers.CacheControl!.NoStore.Should().BeTrue();
        (await node.GetAsync("/data", granted.GetProperty("access_token").GetString())).Should().Be((HttpStatusCode.OK, "amy"));
    }

    [Fact]
    public async Task The_SDK_signs_in_under_a_prefix_too()
    {
        await using var node = await AuthNode.StartAsync(prefix: "/rt");
        var token = await DevelopmentToken.For(new Uri(node.Address, "/rt"), "amy")(CancellationToken.None);
        (await node.GetAsync("/rt/data", token)).Should().Be((HttpStatusCode.OK, "amy"));
    }

    [Theory]
    [InlineData("{\"client\":\"amy ben\"}")]
    [InlineData("{\"client\":null}")]
    [InlineData("{}")]
    [InlineData("amy")]
    [InlineData("")]
    public async Task A_name_that_cannot_be_a_client_is_told_so(string body)
    {
        await using var node = await AuthNode.StartAsync();
        using var answer = await SendAsync(node, request => request.Content = new StringContent(body));

        answer.StatusCode.Should().Be(HttpStatusCode.BadRequest);
        (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error").GetProperty("name").GetString().Should().Be("invalid_request");
    }

    [Fact]
    public async Task The_secret_is_a_file_for_the_owner_alone_new_at_each_start_and_gone_at_the_end()
    {
        var node = await AuthNode.StartAsync();
        var path = DevelopmentSecret.PathFor(node.Address.Port);
        try
        {
            (await File.ReadAllTextAsync(path)).Should().Be(node.Development.Secret).And.HaveLength(43, "that is 256 bits in base64url");
            if (!OperatingSystem.IsWindows())
            {
                File.GetUnixFileMode(path).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
                File.GetUnixFileMode(Path.GetDirectoryName(path)!).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }

            await using var other = await AuthNode.StartAsync();
            other.Development.Secret.Should().NotBe(node.Development.Secret);
        }
        finally
        {
            await node.DisposeAsync();
        }

        File.Exists(path).Should().BeFalse();
    }

    [Fact]
    public async Task A_file_that_lies_there_already_is_replaced_and_that_of_a_later_service_is_left_alone()
    {
        var port = FreePorts.One();
        var path = DevelopmentSecret.PathFor(port);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllTextAsync(path, "left behind, for all to read");
        try
        {
            var node = await AuthNode.StartAsync(url: $"http://127.0.0.1:{port}");
            (await File.ReadAllTextAsync(path)).Should().Be(node.Development.Secret);
            if (!OperatingSystem.IsWindows())
            {
                File.GetUnixFileMode(path).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            await File.WriteAllTextAsync(path, "another service's");
            await node.DisposeAsync();
            (await File.ReadAllTextAsync(path)).Should().Be("another service's");
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task One_secret_is_written_for_each_port_and_works_at_each()
    {
        await using var node = await AuthNode.StartAsync(url: "http://127.0.0.1:0;http://[::1]:0");
        var ports = node.Services.AddressesOf().Select(address => new Uri(address)).ToArray();

        ports.Should().HaveCount(2);
        foreach (var address in ports)
        {
            (await DevelopmentToken.For(address, "amy")(CancellationToken.None)).Should().NotBeNullOrEmpty();
        }
    }

    [Fact]
    public async Task On_a_listener_that_others_reach_there_is_none_not_even_for_loopback()
    {
        await using var node = await AuthNode.StartAsync(url: "http://0.0.0.0:0");
        var port = node.Address.Port;
        File.Exists(DevelopmentSecret.PathFor(port)).Should().BeFalse();
        using var answer = await SendAsync(node, request => request.RequestUri = new Uri($"http://127.0.0.1:{port}/auth/development"));
        answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_second_listener_for_others_does_not_open_the_first_ones_identity()
    {
        if (NetworkInterface.GetAllNetworkInterfaces().SelectMany(card => card.GetIPProperties().UnicastAddresses).Select(entry => entry.Address)
            .FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address)) is not { } outside)
        {
            // A machine without a network: there is no second address to come from.
            return;
        }

        await using var node = await AuthNode.StartAsync(url: $"http://127.0.0.1:0;http://{outside}:0");
        var addresses = node.Services.AddressesOf().Select(address => new Uri(address)).ToArray();
        var (inner, outer) = (addresses.Single(address => address.IsLoopback), addresses.Single(address => !address.IsLoopback));
        using var answer = await SendAsync(node, request =>
        {
            request.RequestUri = new Uri(outer, "/auth/development");
            request.Headers.Host = $"localhost:{outer.Port}";
        });

        answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
        File.Exists(DevelopmentSecret.PathFor(outer.Port)).Should().BeFalse();
        (await DevelopmentToken.For(inner, "amy")(CancellationToken.None)).Should().NotBeNullOrEmpty();
    }

    [Fact]
    public async Task A_development_token_opens_nothing_in_Production_whatever_lies_in_the_same_folder()
    {
        string token;
        await using (var development = await AuthNode.StartAsync())
        {
            token = (await DevelopmentToken.For(development.Address, "amy")(CancellationToken.None))!;
            (await development.GetAsync("/data", token)).Status.Should().Be(HttpStatusCode.OK);
        }

        await using var production = await AuthNode.StartWithAppKeyAsync();
        (await production.GetAsync("/data", token)).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await production.GetAsync("/auth", token)).Status.Should().Be(HttpStatusCode.Unauthorized);
        File.Exists(DevelopmentSecret.PathFor(production.Address.Port)).Should().BeFalse();
        using var answer = await SendAsync(production);
        answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
        production.Invoking(node => node.Tokens.CreateForDevelopment("amy", TimeSpan.FromMinutes(1))).Should().Throw<InvalidOperationException>();
    }

    private static void Header(HttpRequestMessage request, string name, string value)
    {
        request.Headers.Remove(name);
        request.Headers.TryAddWithoutValidation(name, value);
    }

    private static async Task<HttpResponseMessage> SendAsync(AuthNode node, Action<HttpRequestMessage>? change = null, string path = "/auth/development")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(node.Address, path)) { Content = JsonContent.Create(new { client = "amy" }) };
        request.Headers.Add(DevelopmentSecret.Header, node.Development.Secret);
        change?.Invoke(request);
        return await node.Http.SendAsync(request);
    }

    private static async Task<(HttpStatusCode Status, string Headers, string Body)> AskAsync(AuthNode node, Action<HttpRequestMessage> change, string path = "/auth/development")
    {
        using var response = await SendAsync(node, change, path);
        response.Headers.Date = null;
        return (response.StatusCode, response.Headers.ToString() + response.Content.Headers, await response.Content.ReadAsStringAsync());
    }
}
