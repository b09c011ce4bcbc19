using System.Net;
using System.Text.Json;
using Duplexity.Protocol;
using Duplexity.Server.Api;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Api;

/// <summary>An inbox as a service reads it that has no socket: from its reader's place, acknowledged when it is done.</summary>
[Trait("Requirement", "1.19")]
[Trait("Guarantee", "G22")]
public sealed class ApiInboxTests(ApiHost host) : IClassFixture<ApiHost>
{
    private readonly ApiUnderTest _api = new(host.Node);

    [Fact]
    [Trait("Requirement", "1.10")]
    public async Task What_is_not_acknowledged_is_read_again_and_what_is_does_not_come_back_for_that_reader()
    {
        await SendAsync("mailed", "one", "two", "three");

        var first = await ReadAsync("inbox?limit=2", "mailed");
        var same = await ReadAsync("inbox?limit=2", "mailed");
        var done = await AcknowledgeAsync("mailed", new { through = first.Through });
        var rest = await ReadAsync("inbox", "mailed");
        var phone = await ReadAsync("inbox?reader=phone", "mailed");
        await AcknowledgeAsync("mailed", new { through = rest.Through });
        var nothing = await ReadAsync("inbox", "mailed");

        Texts(first).Should().Equal("one", "two");
        first.HasMore.Should().BeTrue();
        same.Should().BeEquivalentTo(first);
        done.Status.Should().Be(HttpStatusCode.OK);
        Texts(rest).Should().Equal("three");
        (rest.HasMore, rest.Recovered, rest.From).Should().Be((false, true, first.Through));
        Texts(phone).Should().Equal(["three"], "a new reader begins behind what somebody has acknowledged");
        (nothing.Messages.Count, nothing.From, nothing.Through).Should().Be((0, rest.Through, rest.Through));
    }

    [Fact]
    public async Task One_message_is_acknowledged_that_a_socket_was_offered_by_hand()
    {
        await using var socket = await StockSocket.DataAsync(host.Node, "by-hand");
        await socket.InvokeAsync<JoinResponse>("Join", new JoinRequest { Channel = "client:by-hand", Ack = "manual" });
        await SendAsync("by-hand", "one");
        var offered = await socket.NextAsync();

        var good = await AcknowledgeAsync("by-hand", new { position = offered.Position, attempt = 1 });
        var twice = await AcknowledgeAsync("by-hand", new { position = offered.Position });

        (good.Code, twice.Code).Should().Be((null, 111));
    }

    [Fact]
    public async Task What_cannot_be_acknowledged_is_refused_and_nobody_reads_another_ones_inbox()
    {
        await SendAsync("mine", "one");
        var narrow = host.Node.Token("mine", null, ("duplexity", new { receive = Array.Empty<string>() }));

        (await AcknowledgeAsync("mine", new { })).Code.Should().Be(102);
        (await AcknowledgeAsync("mine", new { through = new Position(7, "none") })).Code.Should().Be(110);
        (await AcknowledgeAsync("mine", new { channel = "client:other", through = new Position(1, "none") })).Code.Should().Be(203);
        (await _api.GetAsync("inbox?limit=0", "mine")).Code.Should().Be(102);
        (await _api.SendAsync(HttpMethod.Get, "inbox", narrow)).Code.Should().Be(203);
        (await _api.GetAsync("inbox/dead-letters", "mine")).Read<DeadLettersResponse>().Letters.Should().BeEmpty();
        (await _api.PostAsync("inbox/dead-letters/replay", "mine", """{"id":"none"}""")).Code.Should().Be(110);
        (await _api.PostAsync("inbox/dead-letters/discard", "mine", """{"id":"none"}""")).Code.Should().Be(110);
    }

    [Fact]
    [Trait("Requirement", "1.30")]
    public async Task The_application_reads_its_own_inbox_and_those_of_its_clients()
    {
        var inboxes = host.Node.Services.GetRequiredService<IDuplexity>().Inboxes;
        await SendAsync("service:app", "to the application");
        await SendAsync("of-app", "to its client");

        var own = await inboxes.ReadAsync();
        var clients = await inboxes.ReadAsync("of-app", reader: "job");
        await inboxes.AcknowledgeThroughAsync(own.Through);
        await inboxes.AcknowledgeThroughAsync(clients.Through, "of-app", "job");

        (Texts(own).Single(), Texts(clients).Single()).Should().Be(("to the application", "to its client"));
        ((await inboxes.ReadAsync()).Messages.Count, (await inboxes.ReadAsync("of-app", "job")).Messages.Count).Should().Be((0, 0));
        await inboxes.Awaiting(i => i.AcknowledgeAsync(own.Through)).Should().ThrowAsync<DuplexityException>();
    }

    private static IEnumerable<string?> Texts(InboxPage page) => page.Messages.Select(m => m.Text);

    private async Task SendAsync(string client, params string[] texts)
    {
        foreach (var text in texts)
        {
            (await _api.PostAsync("messages", "sender", $$"""{"to":"client:{{client}}","text":"{{text}}"}""")).Code.Should().BeNull();
        }
    }

    private async Task<InboxPage> ReadAsync(string path, string client) => (await _api.GetAsync(path, client)).Read<ApiInboxResponse>().Page!;

    private Task<ApiAnswer> AcknowledgeAsync(string client, object body) => _api.PostAsync("inbox/acknowledge", client, JsonSerializer.Serialize(body, JsonSerializerOptions.Web));
}
