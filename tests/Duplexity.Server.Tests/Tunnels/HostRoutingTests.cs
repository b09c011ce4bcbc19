using System.Net;
using Duplexity.Server.Auth;
using Duplexity.Server.Tunnels;
using FluentAssertions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

[Trait("Guarantee", "G5")]
public sealed class HostRoutingTests
{
    [Theory]
    [InlineData("/data/carry")]
    [InlineData("/data/negotiate")]
    [InlineData("/auth")]
    [InlineData("/control")]
    [InlineData("/health")]
    public async Task On_a_pipes_host_every_path_belongs_to_the_pipe(string path)
    {
        await using var resource = new RawServer(async (c, _) =>
        {
            await c.ReadHeadAsync();
            await c.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nresource");
        });
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", resource.Resource);
        using var visitor = host.Visitor();

        (await visitor.GetStringAsync(path)).Should().Be("resource");
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/health")]
    [InlineData("/<script>alert(1)</script>")]
    public async Task An_unknown_host_is_a_short_clean_404(string path)
    {
        await using var host = await TunnelHost.StartAsync();
        using var visitor = host.Visitor("<img>nobody.localhost".Replace("<img>", "", StringComparison.Ordinal));

        using var answer = await visitor.GetAsync(path);

        answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
        answer.Headers.CacheControl!.NoStore.Should().BeTrue();
        answer.Content.Headers.ContentType!.MediaType.Should().Be("text/html");
        var page = await answer.Content.ReadAsStringAsync();
        page.Length.Should().BeLessThan(1000);
        page.Should().NotContain("alert").And.NotContain("nobody");
    }

    [Fact]
    public async Task The_services_own_hosts_go_on_untouched()
    {
        await using var host = await TunnelHost.StartAsync();
        using var visitor = host.Visitor("localhost");

        (await visitor.GetStringAsync("/health")).Should().Be("service");
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("localhost:5080", true)]
    [InlineData("LOCALHOST.", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.8.8.8:1", true)]
    [InlineData("[::1]:5080", true)]
    [InlineData("192.0.2.1", true)]
    [InlineData("hub.example.org", true)]
    [InlineData("Hub.Example.Org:443", true)]
    [InlineData("cat1.localhost", false)]
    [InlineData("evil.example.org", false)]
    [InlineData("rebind.test", false)]
    [InlineData("", false)]
    public void Service_hosts_are_its_own_name_loopback_and_ip_literals(string host, bool isService)
    {
        var hosts = new ServiceHosts(Options.Create(new DuplexityOptions { Url = new("https://hub.example.org") }));

        hosts.Contains(new HostString(host)).Should().Be(isService);
    }

    [Theory]
    [InlineData("Production", "https://hub.example.org", "https://*.example.org", false)]
    [InlineData("Production", "https://example.org", "https://*.pipes.example.org", false)]
    [InlineData("Production", "https://hub.example.org", "https://*.example-pipes.org", true)]
    [InlineData("Production", "https://192.0.2.1", "https://*.example.org", true)]
    [InlineData("Production", null, "http://*.localhost:5080", true)]
    [InlineData("Development", "https://hub.example.org", "https://*.example.org", true)]
    [InlineData("Production", null, "https://example.org", false)]
    public void Pipes_do_not_share_the_services_site(string environment, string? service, string pipes, bool allowed)
    {
        var options = new DuplexityOptions { Url = service is null ? null : new(service), Pipes = { Url = pipes } };

        var result = new PipeDomainCheck(new FakeEnvironment(environment)).Validate(null, options);

        result.Succeeded.Should().Be(allowed);
        if (!allowed)
        {
            result.FailureMessage.Should().Contain("Duplexity:Pipes:Url");
        }
    }

    [Fact]
    [Trait("Requirement", "2.1")]
    public async Task Connect_is_refused()
    {
        await using var host = await TunnelHost.StartAsync();
        await host.Connect().ServeAsync("cat1", "http://localhost:9");
        using var visitor = await host.RawAsync();

        await visitor.SendAsync("CONNECT cat1.localhost:80 HTTP/1.1\r\nHost: cat1.localhost:80\r\n\r\n");

        (await visitor.ReadHeadAsync()).Should().StartWith("HTTP/1.1 405");
    }

    private sealed class FakeEnvironment(string name) : IHostEnvironment
    {
        public string EnvironmentName { get; set; } = name;
        public string ApplicationName { get; set; } = "test";
        public string ContentRootPath { get; set; } = "";
        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();
    }
}
