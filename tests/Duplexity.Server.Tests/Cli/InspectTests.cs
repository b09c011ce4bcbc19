using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Duplexity.Cli;
using Duplexity.Cli.Output;
using Duplexity.Protocol;
using Duplexity.Server.Tests.Tunnels.Inspection;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

/// <summary><c>inspect</c> in this process, against a real node.</summary>
public sealed class InspectTests
{
    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task Inspect_lists_shows_copies_and_repeats_what_came_in()
    {
        await using var cat = await InspectedPipe.StartAsync();
        var (_, kept) = await cat.VisitAsync(HttpMethod.Post, "/hook?code=1", new StringContent("it's"), ("Authorization", "Bearer x"), ("X-Mine", "yes"));
        var id = kept.Exchange.Id;

        (await OutputAsync(cat, "inspect", "cat1")).Should().Contain(l => l.Contains("/hook?code=[redacted]") && l.EndsWith(id));
        (await OutputAsync(cat, "inspect", "cat1", "--id", id)).Should().Contain(["> X-Mine: yes", "> Authorization: [redacted]", "> it's", "< got it's"]).And.Contain(l => l.StartsWith("times ") && l.Contains("first byte"));
        JsonDocument.Parse((await OutputAsync(cat, "inspect", "cat1", "--id", id, "--json")).Single()).RootElement.GetProperty("exchange").GetProperty("id").GetString().Should().Be(id);
        (await OutputAsync(cat, "inspect", "cat1", "--curl", id)).Single().Should().StartWith("curl ").And.Contain("--header 'X-Mine: yes'").And.Contain("""--data-raw 'it'\''s'""").And.NotContain("Bearer");

        using var cli = new CliUnderTest(cat.Node, "amy");
        (await cli.RunAsync("inspect", "cat1", "--replay", id, "--method", "PUT", "--header", "X-New: 1", "--header", "X-Mine", "--data", "new").Soon()).Should().Be(ExitCode.Done);
        cli.Output.Single().Should().Contain("PUT /hook").And.Contain($"(replay of {id})");
        cli.Error.Should().Contain(l => l.Contains("header Authorization")).And.Contain(l => l.Contains("code of the query"));
        cat.Received.Last().Should().Match<(string Head, string Body)>(r => r.Body == "new" && r.Head.StartsWith("PUT /hook HTTP") && r.Head.Contains("X-New: 1") && !r.Head.Contains("X-Mine"));
    }

    [Fact]
    public async Task Inspect_follows_until_it_is_interrupted_and_up_may_ask_for_nothing_to_be_kept()
    {
        await using var cat = await InspectedPipe.StartAsync();
        await cat.VisitAsync(HttpMethod.Get, "/before");
        using var cli = new CliUnderTest(cat.Node, "amy");
        var following = cli.RunAsync("inspect", "cat1", "--follow");
        await cli.Out.LineAsync(l => l.Contains("/before")).Soon();
        await cat.VisitAsync(HttpMethod.Get, "/after");
        await cli.Out.LineAsync(l => l.Contains("/after")).Soon();
        cli.Interrupt();
        (await following.Soon()).Should().Be(ExitCode.Interrupted);

        using var up = new CliUnderTest(cat.Node, "todd");
        var serving = up.RunAsync("up", $"kept={cat.Resource}");
        using var plain = new CliUnderTest(cat.Node, "todd");
        var servingPlain = plain.RunAsync("up", "--no-inspect", $"plain={cat.Resource}");
        await up.Out.LineAsync(l => l.StartsWith("ready ")).Soon();
        await plain.Out.LineAsync(l => l.StartsWith("ready ")).Soon();
        using var todd = new CliUnderTest(cat.Node, "todd");
        (await todd.RunAsync("inspect", "kept").Soon()).Should().Be(ExitCode.Done);
        (await todd.RunAsync("inspect", "plain").Soon()).Should().Be(ExitCode.Failed);
        todd.Error.Last().Should().Contain("keeps no exchanges");
        up.Interrupt();
        plain.Interrupt();
        await Task.WhenAll(serving, servingPlain).Soon();
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task What_hostile_visitors_and_resources_send_is_lines_of_text()
    {
        await using var cat = await InspectedPipe.StartAsync((_, _) => ("X-Evil: \u009b2J[/]\r\nContent-Type: text/\u009d0;x\u0007\r\n", Encoding.Latin1.GetBytes("\u001b]8;;http://evil.example\u001b\\click\r\n\u0007\u009b31m\u0000")));
        foreach (var target in (string[])["/[", "/[red]x[/]", "/%1b[2J"])
        {
            await using var visitor = await RawVisitor.ConnectAsync(cat.Node.Port);
            await visitor.SendAsync($"POST {target} HTTP/1.1\r\nHost: cat1.localhost:{cat.Node.Port}\r\nUser-Agent: \u009b2J[/]{{0}}\r\nContent-Length: 4\r\nConnection: close\r\n\r\n\u001b[2J");
            await visitor.ReadHeadAsync();
            var id = (await cat.NextAsync()).Id;
            foreach (var how in (string[][])[["--id", id], ["--id", id, "--json"], ["--curl", id], []])
            {
                (await OutputAsync(cat, ["inspect", "cat1", .. how])).Should().NotBeEmpty().And.NotContain(l => l.Any(char.IsControl));
            }
        }
    }

    [Theory]
    [Trait("Guarantee", "G25")]
    [InlineData("plain")]
    [InlineData("it's; touch OWNED; '$(touch OWNED)`touch OWNED`")]
    [InlineData("@/etc/passwd")]
    [InlineData("\u001b[2J\u00ff\\x41\\' ; touch OWNED")]
    [InlineData("a\nb\r\n\ttouch OWNED")]
    [InlineData("!! ${IFS} \\")]
    public async Task A_curl_line_in_a_shell_is_the_words_that_were_sent(string wire)
    {
        var exchange = new ExchangeDetail
        {
            Exchange = new() { Method = "POST", Target = "/x?q='a'&[1-9]" },
            Url = "http://cat1.localhost:5080",
            Request = new() { Headers = [new() { Name = "X-Wire", Value = wire.Replace("\r", "").Replace("\n", "") }], Body = Encoding.Latin1.GetBytes(wire), IsWhole = true },
        };
        var folder = Directory.CreateTempSubdirectory("duplexity-curl-");
        try
        {
            var (line, left) = CurlLine.Of(exchange);
            line.Should().MatchRegex(@"^[ -~]+\z");
            left.Should().BeEmpty();

            // The shell's own reading of it, with a function in curl's place.
            var start = new ProcessStartInfo("bash") { WorkingDirectory = folder.FullName, RedirectStandardOutput = true, StandardOutputEncoding = Encoding.Latin1, ArgumentList = { "-c", $"curl() {{ printf '%s\\0' \"$@\"; }}; {line}" } };
            start.Environment["LC_ALL"] = "C";
            using var bash = Process.Start(start)!;
            var words = (await bash.StandardOutput.ReadToEndAsync().Soon()).Split('\0')[..^1];

            words.Should().Equal("--globoff", "--path-as-is", "--request", "POST", "--header", $"X-Wire: {exchange.Request.Headers[0].Value}", "--data-raw", wire, "http://cat1.localhost:5080/x?q='a'&[1-9]");
            folder.GetFileSystemInfos().Should().BeEmpty();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<string[]> OutputAsync(InspectedPipe cat, params string[] args)
    {
        using var cli = new CliUnderTest(cat.Node, "amy");
        (await cli.RunAsync(args).Soon()).Should().Be(ExitCode.Done, string.Join(" / ", cli.Error));
        return cli.Output;
    }
}
