using System.Text.Json;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Messaging;

/// <summary>Programs with nothing of ours in them, curl and Python's standard library, against the service as people run it.</summary>
[Trait("Requirement", "1.19")]
public sealed class AnyLanguageTests
{
    private const string Script =
        """
        import json, sys, urllib.request
        base, key = sys.argv[1:]
        def call(method, path, body=None):
            request = urllib.request.Request(base + path, method=method, data=None if body is None else json.dumps(body).encode(),
                headers={"Authorization": "Bearer " + key, "Content-Type": "application/json"})
            return json.load(urllib.request.urlopen(request))
        print(json.dumps(call("POST", "api/messages/batch", {"messages": [{"to": "room:lobby", "json": {"n": n}} for n in (1, 2)]})))
        print(json.dumps(call("GET", "api/channels/room:lobby/messages?limit=1&reverse=true")))
        """;

    [Fact]
    public async Task Curl_and_Python_send_into_a_room_where_the_SDK_listens()
    {
        await using var service = await RealService.StartAsync();
        var token = await PrintedAsync(service, "amy", "token");
        var key = (await PrintedAsync(service, "amy", "key", "add", "script")).Split('\n').Select(line => line.Trim()).First(line => line.StartsWith("dxk_", StringComparison.Ordinal));
        var ben = await PrintedAsync(service, "ben", "token");
        await using var connection = new DuplexityConnection(service.Address, new DuplexityConnectionOptions { Token = _ => ValueTask.FromResult<string?>(ben) });
        await connection.ConnectAsync().Soon();
        await using var room = await connection.JoinAsync("lobby").Soon();
        await using var heard = room.ReadAllAsync().GetAsyncEnumerator();

        await using var curl = RealProcess.Start("curl", ["-s", "-H", $"Authorization: Bearer {token}", "-H", "Idempotency-Key: order-1", "--json", """{"to":"room:lobby","text":"from curl"}""", $"{service.Address}api/messages"]);
        var receipt = JsonDocument.Parse(await curl.LineAsync("messageId")).RootElement;
        (await heard.MoveNextAsync().Soon()).Should().BeTrue();
        var first = heard.Current;
        await using var python = RealProcess.Start("python3", ["-c", Script, service.Address.ToString(), key]);
        var receipts = JsonDocument.Parse(await python.LineAsync("receipts")).RootElement.GetProperty("receipts");
        var newest = JsonDocument.Parse(await python.LineAsync("\"messages\"")).RootElement.GetProperty("messages")[0];
        (await python.ExitAsync()).Should().Be(0, python.Output);
        var numbers = new List<string?>();
        while (numbers.Count < 2 && await heard.MoveNextAsync().Soon())
        {
            numbers.Add(heard.Current.Text);
        }

        (first.Text!, first.From.Client, first.Id).Should().Be(("from curl", "amy", receipt.GetProperty("messageId").GetString()!));
        numbers.Should().Equal("""{"n": 1}""", """{"n": 2}""");
        newest.GetProperty("id").GetString().Should().Be(receipts[1].GetProperty("messageId").GetString());
        service.Process.Output.Should().NotContain(key).And.NotContain(token);
    }

    [Fact]
    public async Task The_READMEs_session_works_as_it_stands_there()
    {
        await using var service = await RealService.StartAsync();
        var readme = await File.ReadAllTextAsync(Path.Combine(ProcessTools.Root, "README.md"));
        var section = readme[readme.IndexOf("## From any other language", StringComparison.Ordinal)..];
        var session = section.Split("```sh\n", 2)[1].Split("```", 2)[0].Replace("http://localhost:5080", service.Address.ToString().TrimEnd('/'), StringComparison.Ordinal);
        var command = $$"""duplexity() { "{{ProcessTools.DotNet}}" "{{ProcessTools.Built("client-sdk/Duplexity.Cli", "duplexity.dll")}}" "$@"; }""";

        var shell = service.Run("bash", "-euc", $"{command}\n{session}");

        (await shell.ExitAsync(TestTimeout.Long)).Should().Be(0, shell.Output);
        shell.Output.Should().NotContain("\"error\"").And.Contain("\"receipts\"").And.Contain("\"owner\":\"amy\"").And.Contain("the build is green");
        session.Split('\n').Count(line => line.StartsWith("api ", StringComparison.Ordinal)).Should().Be(shell.Output.Split('\n').Count(line => line.StartsWith('{')), shell.Output);
    }

    private static async Task<string> PrintedAsync(RealService service, string client, params string[] arguments)
    {
        var cli = service.Cli(client, arguments);
        (await cli.ExitAsync()).Should().Be(0, cli.Output);
        return cli.Output.Trim();
    }
}
