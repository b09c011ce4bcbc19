using System.Collections.Concurrent;
using System.Text.Json;
using Duplexity.Cli;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

/// <summary>Several people and several servers side by side in one configuration folder.</summary>
public sealed class SignedInTests
{
    [Fact]
    [Trait("Requirement", "2.3")]
    public async Task Two_people_sign_in_at_one_server_one_is_picked_by_name_and_one_leaves_alone()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s => s.Environment = "Production");
        using var cli = new CliUnderTest();
        cli.Environment["DUPLEXITY_SERVER"] = At(node);

        await LoginAsync(cli, node, provider, "amy");
        await LoginAsync(cli, node, provider, "ben");
        (await cli.RunAsync("whoami").Soon()).Should().Be(ExitCode.Done);
        (await cli.RunAsync("whoami", "--json").Soon()).Should().Be(ExitCode.Done);
        (await cli.RunAsync("--as", "amy", "whoami").Soon()).Should().Be(ExitCode.Done);
        (await cli.RunAsync("--as", "amy", "sockets", "--json").Soon()).Should().Be(ExitCode.Done);
        (await cli.RunAsync("--as", "amy", "key", "add", "rack", "--json").Soon()).Should().Be(ExitCode.Done);
        (await cli.RunAsync("--as", "cleo", "token").Soon()).Should().Be(ExitCode.NotSignedIn);

        var origin = At(node).TrimEnd('/');
        var lines = cli.Output.SkipWhile(l => !l.StartsWith("ben at")).ToArray();
        lines[0].Should().StartWith($"ben at {origin}, default, until ").And.Contain("may send * · receive * · join *");
        lines[1].Should().StartWith($"amy at {origin}, until ");
        lines[2..4].Select(l => JsonDocument.Parse(l).RootElement).Select(j => (j.GetProperty("client").GetString(), j.GetProperty("isDefault").GetBoolean(), j.GetProperty("allowances").GetProperty("send")[0].GetString()))
            .Should().Equal(("ben", true, "*"), ("amy", false, "*"));
        lines[4].Should().StartWith("amy at ");
        JsonDocument.Parse(lines[5]).RootElement.GetProperty("client").GetString().Should().Be("amy");
        JsonDocument.Parse(lines[6]).RootElement.GetProperty("client").GetString().Should().Be("amy");

        (await cli.RunAsync("--as", "ben", "logout").Soon()).Should().Be(ExitCode.Done);
        (await cli.RunAsync("--as", "ben", "token").Soon()).Should().Be(ExitCode.NotSignedIn);
        (await cli.RunAsync("whoami").Soon()).Should().Be(ExitCode.Done);
        cli.Output[^1].Should().StartWith("amy at ", "she is the default now");
        (await cli.RunAsync("revoke", "client:amy").Soon()).Should().Be(ExitCode.Done);
        (await cli.RunAsync("logout").Soon()).Should().Be(ExitCode.Done);
        (await cli.RunAsync("whoami").Soon()).Should().Be(ExitCode.NotSignedIn);
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task A_token_is_never_sent_to_another_server_than_its_own()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s => s.Environment = "Production");
        var seen = new ConcurrentQueue<string>();
        await using var other = await TestNode.StartAsync(s =>
        {
            s.Environment = "Production";
            s.Application = app => app.Use(async (context, next) =>
            {
                context.Request.EnableBuffering();
                using var reader = new StreamReader(context.Request.Body, leaveOpen: true);
                seen.Enqueue($"{context.Request.Method} {context.Request.Path}{context.Request.QueryString} {string.Join(' ', context.Request.Headers.Select(h => $"{h.Key}: {h.Value}"))} {await reader.ReadToEndAsync()}");
                context.Request.Body.Position = 0;
                await next(context);
            });
        });
        using var cli = new CliUnderTest();
        await LoginAsync(cli, node, provider, "amy");
        var file = await File.ReadAllTextAsync(Path.Combine(cli.Environment["XDG_CONFIG_HOME"], "duplexity", "signed-in.json"));
        var kept = JsonDocument.Parse(file).RootElement.GetProperty("tokens").GetProperty(At(node).TrimEnd('/')).GetProperty("amy");
        string[] secrets = [kept.GetProperty("accessToken").GetString()!, kept.GetProperty("refreshToken").GetString()!];

        // Each way to another server: by option, by variable, with the name that is signed in elsewhere.
        string[][] commands = [["whoami"], ["token"], ["sockets"], ["sockets", "--watch"], ["pipes"], ["send", "lobby", "x"], ["explain", "send", "lobby"], ["key", "list"], ["revoke", "client:amy"], ["logout"]];
        foreach (var command in commands)
        {
            (await cli.RunAsync(["--server", At(other), .. command]).Soon()).Should().Be(command is ["logout"] ? ExitCode.Done : ExitCode.NotSignedIn, string.Join(' ', command));
            cli.Environment["DUPLEXITY_SERVER"] = At(other);
            (await cli.RunAsync(["--as", "amy", .. command]).Soon()).Should().Be(command is ["logout"] ? ExitCode.Done : ExitCode.NotSignedIn, string.Join(' ', command));
            cli.Environment.Remove("DUPLEXITY_SERVER");
        }

        seen.Should().NotBeEmpty("it was asked whether it is there");
        seen.Should().NotContain(r => r.Contains("Authorization") || r.Contains("access_token") || secrets.Any(r.Contains));
        (await cli.RunAsync("whoami").Soon()).Should().Be(ExitCode.Done, "at her own server she is still signed in");
    }

    [Fact]
    [Trait("Requirement", "2.3")]
    public async Task At_a_terminal_one_command_leads_from_nothing_over_a_sign_in_to_a_public_name()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s => (s.Environment, s.Settings["Duplexity:Pipes:Publish:0"]) = ("Production", "*"));
        await using var resource = new RawResource(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
        });
        using var cli = new CliUnderTest();
        (cli.Environment["DUPLEXITY_SERVER"], cli.Environment["BROWSER"]) = (At(node), "no-such-browser");

        // A script is told what to do; a person is asked.
        (await cli.RunAsync("up", $"cat1={resource.Authority}").Soon()).Should().Be(ExitCode.NotSignedIn);
        cli.Error[^1].Should().Contain("run duplexity login");
        var up = cli.RunAtTerminalAsync("", "up", $"cat1={resource.Authority}");
        await cli.Err.LineAsync(l => l.StartsWith("code ")).Soon();
        using var browser = new BrowserRobot().As("amy", provider);
        await browser.OpenAsync(new Uri(Word(cli.Error, "open ")));
        await cli.Out.LineAsync(l => l.StartsWith("ready ")).Soon();
        using var visit = await node.VisitAsync("cat1").Soon();

        browser.Page.Should().Contain("Connected");
        (await visit.Content.ReadAsStringAsync()).Should().Be("hi");
        cli.Interrupt();
        (await up.Soon()).Should().Be(ExitCode.Interrupted);
    }

    [Fact]
    [Trait("Requirement", "2.3")]
    public async Task A_key_or_token_of_the_environment_is_not_taken_for_somebody_else()
    {
        await using var node = await TestNode.StartAsync(s => s.Environment = "Production");
        using var cli = new CliUnderTest(node, "amy");
        (await cli.RunAsync("key", "add", "rack").Soon()).Should().Be(ExitCode.Done);
        using var machine = new CliUnderTest();
        machine.Environment["DUPLEXITY_SERVER"] = At(node);
        machine.Environment["DUPLEXITY_KEY"] = cli.Output[0];

        (await cli.RunAsync("--as", "ben", "token").Soon()).Should().Be(ExitCode.NotSignedIn);
        (await machine.RunAsync("--as", "ben", "token").Soon()).Should().Be(ExitCode.NotSignedIn);
        (await machine.RunAsync("--as", "amy", "whoami").Soon()).Should().Be(ExitCode.Done);
        machine.Error[^1].Should().Contain("DUPLEXITY_KEY is amy's, not ben's");
    }

    [Fact]
    [Trait("Guarantee", "G6")]
    public async Task A_secret_that_a_killed_development_node_left_behind_does_not_keep_people_from_signing_in()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s => s.Environment = "Production");
        using var cli = new CliUnderTest();
        cli.Environment["DUPLEXITY_SERVER"] = At(node);
        var left = DevelopmentSecret.PathFor(node.Port);
        Directory.CreateDirectory(Path.GetDirectoryName(left)!);
        await File.WriteAllTextAsync(left, "of a node that is no more");
        try
        {
            await LoginAsync(cli, node, provider, "amy");
            (await cli.RunAsync("--as", "amy", "whoami").Soon()).Should().Be(ExitCode.Done);
        }
        finally
        {
            File.Delete(left);
        }
    }

    [Fact]
    [Trait("Requirement", "2.4")]
    public async Task An_administrators_key_for_a_public_name_administers_nobody()
    {
        await using var node = await TestNode.StartAsync(s => s.Environment = "Production");
        using var cli = new CliUnderTest();
        cli.Environment["DUPLEXITY_SERVER"] = At(node);
        cli.Environment["DUPLEXITY_TOKEN"] = node.Token("root", null, ("role", "admin"));
        (await cli.RunAsync("key", "add", "rack", "--publish", "cat1").Soon()).Should().Be(ExitCode.Done);
        using var machine = new CliUnderTest();
        machine.Environment["DUPLEXITY_SERVER"] = At(node);
        machine.Environment["DUPLEXITY_KEY"] = cli.Output[0];

        (await cli.RunAsync("explain", "administer", "client:amy").Soon()).Should().Be(ExitCode.Done);
        (await machine.RunAsync("explain", "administer", "client:amy").Soon()).Should().Be(ExitCode.NotAllowed);
        (await machine.RunAsync("explain", "publish", "cat1").Soon()).Should().Be(ExitCode.Done);
        (await machine.RunAsync("explain", "publish", "cat2").Soon()).Should().Be(ExitCode.NotAllowed);
    }

    private static string At(TestNode node) => $"http://localhost:{node.Port}/";

    private static async Task LoginAsync(CliUnderTest cli, TestNode node, TestProvider provider, string client)
    {
        var before = cli.Error.Length;
        var login = cli.RunAsync("login", At(node), "--no-browser");
        await cli.Err.LineAsync(_ => cli.Error.Length >= before + 2).Soon();
        var said = cli.Error.Skip(before).ToArray();
        using var browser = new BrowserRobot().As(client, provider);
        await browser.OpenAsync(new Uri(Word(said, "open ")));
        await browser.SubmitAsync(Word(said, "code "));
        (await login.Soon()).Should().Be(ExitCode.Done);
        cli.Output[^1].Should().StartWith($"signed in as {client} at ");
    }

    private static string Word(string[] lines, string first) => lines.First(l => l.StartsWith(first)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
}
