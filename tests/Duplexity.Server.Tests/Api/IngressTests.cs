using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Api;

/// <summary>One machine behind every door: a call from a test, a raw WebSocket and an HTTP request give the same answers and store the same, and from each source every kind of target is reached.</summary>
public sealed class IngressTests(ApiHost host) : IClassFixture<ApiHost>
{
    private readonly ApiUnderTest _api = new(host.Node);

    public static TheoryData<string> Requests => new(
        """{"to":["room:same"],"text":"hi","type":"t","re":"m1","headers":{"a":"b"},"contentType":"text/x"}""",
        """{"to":["room:same","client:ben"],"bytes":"AAH/"}""",
        """{"to":["room:same","feed:ben","socket:none","service:x","lockspace:y"],"text":"some"}""",
        """{"to":["room:same","lobby",":","nonsense:x","room:same"],"text":"twice"}""",
        """{"to":["socket:none"],"text":"nobody"}""",
        """{"to":["room:same"]}""",
        """{"to":["room:same"],"text":"a","bytes":"AA=="}""",
        """{"to":[],"text":"a"}""",
        """{"text":"a"}""",
        """{"to":["room:same"],"text":"a","level":"fsynced"}""",
        """{"to":["room:same"],"text":"a","sequence":1}""",
        """{"to":["room:same"],"text":"a","session":"s","sequence":1,"idempotencyKey":"k"}""",
        $$$"""{"to":["room:same"],"text":"a","headers":{"a":"{{{new string('x', 5000)}}}"}}""",
        $$"""{"to":["room:same"],"text":"a","type":"{{new string('x', 129)}}"}""",
        $$"""{"to":[{{string.Join(',', Enumerable.Range(0, 101).Select(i => $"\"room:{i}\""))}}],"text":"a"}""");

    [Theory]
    [MemberData(nameof(Requests))]
    [Trait("Requirement", "1.19")]
    public async Task A_request_gets_the_same_answer_and_stores_the_same_by_whatever_door_it_comes(string request)
    {
        var from = (await host.Node.Services.GetRequiredService<IEngine>().Log.TopAsync(Address.Room("same"))).Offset;
        await using var socket = await RawHub.ConnectAsync(host.Node, "data", host.Node.Token("amy"));

        var direct = await host.Node.Services.GetRequiredService<PipeMachine>().SendAsync(new Sender { Client = "amy" }, JsonSerializer.Deserialize<SendRequest>(request, JsonSerializerOptions.Web)!);
        var hub = (await socket.AskAsync("Send", JsonDocument.Parse(request).RootElement)).Deserialize<SendResponse>(JsonSerializerOptions.Web)!;
        var http = (await _api.PostAsync("messages", "amy", request)).Read<SendResponse>();

        Plain(hub).Should().Be(Plain(direct));
        Plain(http).Should().Be(Plain(direct));
        var stored = (await _api.GetAsync("channels/room:same/messages?limit=1000", "amy")).Read<HistoryResponse>().Messages!.Where(m => m.Position.Offset > from).ToList();
        var isTaken = direct.Destinations?.Any(d => d is { To: "room:same", Position: not null }) == true;
        stored.Should().HaveCount(isTaken ? 3 : 0);
        stored.Select(Plain).Distinct().Should().HaveCount(isTaken ? 1 : 0);
    }

    public static IEnumerable<object[]> Bridges =>
        from source in (string[])["a socket", "a client without a socket", "the application"]
        from target in (string[])["a room", "a client", "a socket", "a feed", "all of them"]
        select new object[] { source, target };

    [Theory]
    [MemberData(nameof(Bridges))]
    [Trait("Requirement", "1.18")]
    [Trait("Requirement", "1.14")]
    public async Task Every_source_reaches_every_kind_of_target_once_and_is_named_as_what_it_is(string source, string target)
    {
        await using var listener = await StockSocket.DataAsync(host.Node, "listener");
        await listener.InvokeAsync<OpenResponse>("Open", new OpenRequest { Direct = "anyone" });
        foreach (var channel in (string[])["room:bridge", "client:listener", "feed:sender"])
        {
            await listener.JoinAsync(channel);
        }

        await using var sender = await StockSocket.DataAsync(host.Node, "sender");
        string[] all = ["room:bridge", "client:listener", $"socket:{listener.Id}", "feed:sender"];
        var to = target switch { "a room" => all[..1], "a client" => all[1..2], "a socket" => all[2..3], "a feed" => all[3..], _ => all };
        var text = $"{source} to {target}";

        var destinations = source switch
        {
            "a socket" => (await sender.SendAsync(text, to)).Destinations!.Select(d => (d.To, d.Error)),
            "a client without a socket" => (await _api.PostAsync("messages", "sender", JsonSerializer.Serialize(new { to, text }))).Read<SendResponse>().Destinations!.Select(d => (d.To, d.Error)),
            _ => (await host.Node.Services.GetRequiredService<IDuplexity>().SendAsync([.. to.Select(t => Address.Parse(t))], text)).Destinations.Select(d => (d.To.ToString(), d.Error)),
        };
        var heard = await listener.NextAsync();

        destinations.Should().Equal(to.Select(t => (t, (DuplexityError?)null)));
        (heard.Text, heard.Channel).Should().Be((text, to[0]));
        (heard.From.Client, heard.From.Socket).Should().Be(source switch { "a socket" => ("sender", sender.Id), "a client without a socket" => ("sender", null), _ => ("service:app", (string?)null) });
        await listener.SettleAsync(sender);
        listener.HasNothing.Should().BeTrue("one message comes once, however many ways lead here");
    }

    /// <summary>An answer without what is new each time: ids and offsets.</summary>
    private static string Plain(SendResponse answer) => JsonSerializer.Serialize(answer with
    {
        MessageId = answer.MessageId is null ? null : "id",
        Destinations = answer.Destinations?.Select(d => d with { Position = d.Position is null ? null : Position.Start }).ToArray(),
    });

    private static string Plain(DeliveredMessage message) => JsonSerializer.Serialize(message with { Id = "", Position = Position.Start, After = null, SentAt = 0, From = message.From with { Socket = null } });
}
