using Duplexity.Cli;
using Duplexity.Cli.Pipes;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

public sealed class ProjectFileTests
{
    private static readonly Uri Default = new("http://localhost:5080/");

    [Fact]
    public void The_file_names_pipes_as_text_or_with_their_options()
    {
        var file = Parse("""
            {
              // comments and trailing commas are welcome
              "server": "https://hub.example.org",
              "pipes": { "cat1": "3000", "api": { "resource": "localhost:8080", "hostHeader": "resource" }, ":7001": "22", },
            }
            """);

        file.Server.Should().Be("https://hub.example.org");
        file.Pipes.Should().Equal(
            new PipeSpec("cat1", "http://localhost:3000"),
            new PipeSpec("api", "http://localhost:8080", "resource"),
            new PipeSpec(":7001", "tcp://localhost:22"));
    }

    [Fact]
    public void A_pipe_of_the_file_is_shared_or_private_where_it_says_so()
    {
        var file = Parse("""
            { "pipes": { "shop": { "resource": "3000", "share": true, "sticky": true }, "db": { "resource": "5432", "private": true, "visitors": "client:bob" } } }
            """);

        file.Pipes.Select(p => (p.Name, p.Resource, p.Share, p.Sticky, p.Private)).Should().Equal(("shop", "http://localhost:3000", true, true, false), ("db", "tcp://localhost:5432", false, false, true));
        file.Pipes[1].Visitors.Should().Equal("client:bob");
        var asked = file.Pipes[0].ToOptions((_, _) => { });
        (asked.Share, asked.Sticky, asked.Private).Should().Be((true, true, false));
        file.Pipes[1].ToOptions((_, _) => { }).Private.Should().BeTrue();
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"pipes":{}}""")]
    [InlineData("""{"pipes":{"a":3000}}""")]
    [InlineData("""{"pipes":{"a":{}}}""")]
    [InlineData("""{"pipes":{"a":{"resource":"3000","visitors":["public"]}}}""")]
    [InlineData("""{"pipes":{"a":{"resource":"3000","hostHeader":"x\r\ny"}}}""")]
    [InlineData("""{"pipe":{"a":"3000"}}""")]
    [InlineData("""{"pipes":{"a":{"resource":"3000","routes":{"api":"8080"}}}}""")]
    [InlineData("""{"pipes":{"a":{"resource":"3000","routes":{"/api":8080}}}}""")]
    [InlineData("""{"pipes":{"a":{"resource":"3000","carriers":"mine"}}}""")]
    [InlineData("""{"pipes":{"a":{"resource":"3000","idleTimeout":-1}}}""")]
    public void A_file_that_is_wrong_is_a_usage_error(string text)
    {
        FluentActions.Invoking(() => Parse(text)).Should().Throw<UsageException>();
    }

    [Fact]
    public void A_pipe_of_the_file_says_who_may_visit()
    {
        Parse("""{"pipes":{"a":{"resource":"3000","visitors":"signed-in, ip:10.0.0.0/8"}}}""").Pipes.Single().Visitors.Should().Equal("signed-in", "ip:10.0.0.0/8");
    }

    [Fact]
    public void The_file_says_what_becomes_of_a_pipes_traffic()
    {
        var traffic = Parse("""
            {"pipes":{"a":{"resource":"./public","routes":{"/api":"8080","/v2":{"resource":"h2c://localhost:5000","strip":true}},
              "requestHeaders":{"X-Env":"preview","Cookie":null},"responseHeaders":{"X-Robots-Tag":"noindex"},"carriers":"per-visitor","headerTimeout":30,"idleTimeout":0.5,"insecureResource":true}}}
            """).Pipes.Single().Traffic!;

        traffic.Routes.Select(r => (r.Path, r.Resource, r.Strip)).Should().Equal(("/api", "http://localhost:8080", null), ("/v2", "h2c://localhost:5000", true));
        traffic.RequestHeaders.Select(h => (h.Name, h.Value)).Should().Equal(("X-Env", "preview"), ("Cookie", null));
        traffic.ResponseHeaders.Select(h => (h.Name, h.Value)).Should().Equal(("X-Robots-Tag", "noindex"));
        (traffic.Carriers, traffic.HeaderTimeout, traffic.IdleTimeout, traffic.InsecureResource).Should().Be(("per-visitor", TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(0.5), true));
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public void A_folder_outside_the_project_is_confirmed_too()
    {
        Parse("""{"pipes":{"a":"./public","b":".","c":"/project/x"}}""").Risks(Default, serverIsNamed: false).Should().BeEmpty();
        Parse("""{"pipes":{"a":"../other","b":"/etc","c":{"resource":"3000","routes":{"/x":"./../projects"}}}}""").Risks(Default, serverIsNamed: false).Should().HaveCount(3);
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public void A_server_of_the_file_and_a_socket_outside_the_project_are_what_a_person_confirms()
    {
        var file = Parse("""{"server":"https://evil.example","pipes":{"a":"unix:/var/run/docker.sock","b":"unix:/project/run/app.sock","c":"3000"}}""");

        file.Risks(Default, serverIsNamed: false).Should().HaveCount(2).And.Contain(r => r.Contains("evil.example")).And.Contain(r => r.Contains("docker.sock"));
        file.Risks(Default, serverIsNamed: true).Should().ContainSingle().Which.Should().Contain("docker.sock");
        file.Risks(new Uri("https://evil.example/"), serverIsNamed: false).Should().ContainSingle().Which.Should().Contain("docker.sock");
        Parse("""{"pipes":{"b":"unix:/project/../etc/app.sock"}}""").Risks(Default, serverIsNamed: false).Should().ContainSingle();
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task Without_a_terminal_a_server_of_the_file_is_refused()
    {
        using var cli = new CliUnderTest();
        Write(cli, """{"server":"http://127.0.0.1:9","pipes":{"a":"3000"}}""");

        (await cli.RunAsync("up")).Should().Be(ExitCode.Usage);

        cli.Error.Should().ContainSingle().Which.Should().Contain("http://127.0.0.1:9/").And.Contain("confirm");
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task A_person_is_asked_once_and_the_answer_is_kept()
    {
        using var cli = new CliUnderTest();
        cli.Environment["DUPLEXITY_TOKEN"] = "token";
        Write(cli, """{"server":"http://127.0.0.1:9","pipes":{"a":"3000"}}""");

        (await cli.RunAtTerminalAsync("n", "up")).Should().Be(ExitCode.Usage, "no is no");
        (await cli.RunAsync("up")).Should().Be(ExitCode.Usage, "a no is not a yes");
        cli.Environment.Remove("DUPLEXITY_TOKEN");
        (await cli.RunAtTerminalAsync("y", "up")).Should().Be(ExitCode.NotReachable, "nobody listens on that port");
        (await cli.RunAsync("up")).Should().Be(ExitCode.NotReachable, "it was confirmed");
    }

    private static ProjectFile Parse(string text) => ProjectFile.Parse("/project/duplexity.json", text);

    private static void Write(CliUnderTest cli, string text) => File.WriteAllText(Path.Combine(cli.Folder, ProjectFile.FileName), text);
}
