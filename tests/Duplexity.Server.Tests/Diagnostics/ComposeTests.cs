using Duplexity.Testing;
using FluentAssertions;
using Xunit;
using YamlDotNet.Core;
using YamlDotNet.Serialization;

namespace Duplexity.Server.Tests.Diagnostics;

/// <summary>The compose file without Docker: it is YAML, a node would start with its settings, and nginx takes the proxy's configuration.</summary>
public sealed class ComposeTests(Redis.RedisFixture redis) : IClassFixture<Redis.RedisFixture>
{
    private static readonly string Folder = Path.Combine(ProcessTools.Root, "server", "Duplexity.Host");

    [Fact]
    public async Task A_node_would_start_with_the_settings_of_each_service()
    {
        var services = Services();
        foreach (var node in (string[])["a", "b"])
        {
            var environment = ((IDictionary<object, object>)services[node]["environment"]).ToDictionary(e => (string)e.Key, e => (string)e.Value);
            environment["Duplexity__Redis__Connection"].Should().StartWith("redis:6379,");
            environment["Duplexity__Redis__Connection"] = redis.Server.Connection;
            foreach (var name in environment.Keys.Where(k => environment[k].StartsWith("${", StringComparison.Ordinal)).ToArray())
            {
                environment[name] = "https://given.example.org/and/long/enough/for/a/secret";
            }

            var home = Directory.CreateTempSubdirectory("duplexity-home-");
            await using var check = RealProcess.Start(
                ProcessTools.DotNet, [ProcessTools.Built("server/Duplexity.Host", "Duplexity.Host.dll"), "--check", "--urls", "http://+:5080"],
                [("HOME", home.FullName), ("ASPNETCORE_URLS", null), .. environment.Select(e => (e.Key, (string?)e.Value))], home.FullName);

            (await check.ExitAsync(TestTimeout.Long)).Should().Be(0, check.Output);
            check.Output.Should().Contain($"Duplexity:Node:Name = {node}  [environment]").And.Contain("Redis answers");
            await check.DisposeAsync();
            home.Delete(recursive: true);
        }
    }

    [Fact]
    public void The_services_are_two_nodes_a_Redis_that_keeps_and_a_proxy_and_only_the_proxy_has_a_port_outside()
    {
        var services = Services();

        services.Keys.Should().BeEquivalentTo("a", "b", "redis", "proxy");
        services.Where(s => s.Value.ContainsKey("ports")).Select(s => s.Key).Should().Equal("proxy");
        ((IEnumerable<object>)services["redis"]["command"]).Should().ContainInOrder("--appendonly", "yes").And.ContainInOrder("--maxmemory-policy", "noeviction");
    }

    [Fact]
    public async Task The_proxy_hands_pipes_and_the_service_on_as_they_were_asked_for()
    {
        await using var node = await TestNode.StartAsync();
        var port = FreePorts.One();
        var folder = Directory.CreateTempSubdirectory("duplexity-nginx-");
        var text = (await File.ReadAllTextAsync(Path.Combine(Folder, "nginx.conf")))
            .Replace("events {", $"daemon off; user root root; pid {folder.FullName}/pid; error_log stderr notice; events {{", StringComparison.Ordinal)
            .Replace("http {", $"http {{ client_body_temp_path {folder.FullName}/1; proxy_temp_path {folder.FullName}/2; fastcgi_temp_path {folder.FullName}/3; uwsgi_temp_path {folder.FullName}/4; scgi_temp_path {folder.FullName}/5;", StringComparison.Ordinal)
            .Replace("server a:5080;", $"server 127.0.0.1:{node.Port};", StringComparison.Ordinal).Replace("server b:5080;", "", StringComparison.Ordinal)
            .Replace("listen 8080;", $"listen 127.0.0.1:{port};", StringComparison.Ordinal);
        var file = Path.Combine(folder.FullName, "nginx.conf");
        await File.WriteAllTextAsync(file, text);
        await using var nginx = RealProcess.Start(ProcessTools.Nginx, ["-p", folder.FullName, "-c", file, "-e", "stderr"]);
        await nginx.LineAsync("start worker process");
        await using var todd = await node.ConnectAsync("todd");
        await using var site = new RawResource(async visitor =>
        {
            await visitor.ReadHeadAsync();
            await visitor.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
        });
        await using var pipe = await todd.Pipes.OpenAsync("cat1", site.Authority).Soon();
        await using var amy = await StockSocket.ConnectAsync(new Uri($"http://127.0.0.1:{port}/data"), node.Token("amy"));
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{port}/");
        request.Headers.Host = $"cat1.localhost:{port}";

        using var answer = await http.SendAsync(request).Soon();

        (await answer.Content.ReadAsStringAsync()).Should().Be("ok");
        amy.Welcome.Clients.Should().Equal("amy");
        await nginx.DisposeAsync();
        folder.Delete(recursive: true);
    }

    private static Dictionary<string, Dictionary<string, object>> Services()
    {
        var parser = new MergingParser(new Parser(new StringReader(File.ReadAllText(Path.Combine(Folder, "compose.yaml")))));
        var whole = new DeserializerBuilder().Build().Deserialize<Dictionary<string, object>>(parser);
        return ((IDictionary<object, object>)whole["services"]).ToDictionary(
            s => (string)s.Key, s => ((IDictionary<object, object>)s.Value).ToDictionary(p => (string)p.Key, p => p.Value));
    }
}
