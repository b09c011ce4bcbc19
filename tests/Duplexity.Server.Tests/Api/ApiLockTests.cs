using System.Net;
using Duplexity.Protocol;
using Duplexity.Server.Api;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Api;

/// <summary>Lockspaces and locks by HTTP and from the application's own code, without a socket.</summary>
[Trait("Requirement", "1.15")]
public sealed class ApiLockTests(ApiHost host) : IClassFixture<ApiHost>
{
    private readonly ApiUnderTest _api = new(host.Node);

    private IDuplexity Application => host.Node.Services.GetRequiredService<IDuplexity>();

    [Fact]
    [Trait("Guarantee", "G17")]
    public async Task A_lock_is_taken_renewed_sent_under_and_given_back_by_its_token_alone()
    {
        await using var reader = await StockSocket.DataAsync(host.Node, "reader");
        await reader.JoinAsync("room:fenced");
        var first = await AcquireAsync("amy", """{"lockspace":"http-1","name":"card","leaseMs":60000}""");
        var taken = await AcquireAsync("ben", """{"lockspace":"http-1","name":"card"}""");
        var seen = (await _api.GetAsync("lockspaces/http-1/locks/card", "ben")).Read<ApiLockResponse>().Lock!;
        var own = (await _api.GetAsync("lockspaces/http-1/locks/card", "amy")).Read<ApiLockResponse>().Lock!;
        var renewed = await _api.PostAsync("locks/renew", "amy", $$"""{"lockspace":"http-1","name":"card","token":{{first.Token}}}""");
        var under = await UnderAsync("amy", "one", first.Token!.Value);
        var notHis = await UnderAsync("ben", "not his", first.Token!.Value);
        var released = await _api.PostAsync("locks/release", "amy", $$"""{"lockspace":"http-1","name":"card","token":{{first.Token}}}""");
        var second = await AcquireAsync("ben", """{"lockspace":"http-1","name":"card"}""");
        var late = await UnderAsync("amy", "late", first.Token!.Value);
        var gone = await _api.PostAsync("locks/renew", "amy", $$"""{"lockspace":"http-1","name":"card","token":{{first.Token}}}""");
        await UnderAsync("ben", "two", second.Token!.Value);

        (first.State, first.LeaseMs, taken.State, taken.Holder, taken.Token).Should().Be(("granted", 60_000L, "taken", "amy", null));
        (seen.Holder, seen.Token, own.Token).Should().Be((new Origin { Client = "amy" }, null, first.Token));
        seen.FreesInMs.Should().BeInRange(1, 60_000);
        (renewed.Read<RenewLockResponse>().LeaseMs, under.Code, notHis.Code, (int)released.Status).Should().Be((60_000L, null, 209, 200));
        (late.Status, late.Code, gone.Code).Should().Be((HttpStatusCode.Forbidden, 209, 209));
        second.Token.Should().BeGreaterThan(first.Token!.Value);
        (await reader.TextsAsync(2)).Should().Equal("one", "two");
    }

    [Fact]
    [Trait("Guarantee", "G11")]
    public async Task A_wait_is_answered_at_once_and_the_same_ticket_learns_what_became_of_it()
    {
        var first = await AcquireAsync("amy", """{"lockspace":"http-2","name":"card","ticket":"one"}""");
        var again = await AcquireAsync("amy", """{"lockspace":"http-2","name":"card","ticket":"one"}""");
        var other = await AcquireAsync("amy", """{"lockspace":"http-2","name":"card","ticket":"two"}""");
        var queued = await AcquireAsync("ben", """{"lockspace":"http-2","name":"card","ticket":"bens","waitMs":60000}""");
        await _api.PostAsync("locks/release", "amy", $$"""{"lockspace":"http-2","name":"card","token":{{first.Token}}}""");
        var granted = await AcquireAsync("ben", """{"lockspace":"http-2","name":"card","ticket":"bens","waitMs":60000}""");

        (first.Ticket, again.State, again.Token).Should().Be(("one", "granted", first.Token), "a repetition is the same request");
        (other.State, queued.State, queued.Position, granted.State).Should().Be(("taken", "queued", 1, "granted"), "another program of the same client is another one");
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task A_revoked_client_loses_what_it_holds_and_only_an_administrator_breaks_what_others_hold()
    {
        await AcquireAsync("leaver", """{"lockspace":"http-3","name":"card"}""");
        await Application.RevokeAsync("leaver");
        (await AcquireAsync("ben", """{"lockspace":"http-3","name":"card"}""")).State.Should().Be("granted");

        (await _api.PostAsync("locks/break", "amy", """{"lockspace":"http-3","name":"card"}""")).Code.Should().Be(200);
        (await _api.SendAsync(HttpMethod.Post, "locks/break", host.Node.Token("root", null, ("role", "admin")), JsonBody("""{"lockspace":"http-3","name":"card"}"""))).Status.Should().Be(HttpStatusCode.OK);
        (await _api.GetAsync("lockspaces/http-3/locks/card", "ben")).Read<ApiLockResponse>().Should().BeEquivalentTo(new { Lock = (LockInfo?)null, Error = (DuplexityError?)null });
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task Who_is_revoked_while_a_gate_thinks_about_its_lock_has_not_got_it()
    {
        IDuplexity? application = null;
        await using var node = await TestNode.StartAsync(s => s.Builder = b => b.AddGate(Step.Entry, "lockspace:slow", async c =>
        {
            await (c.Client == "late" ? application!.RevokeAsync("late") : Task.CompletedTask);
            return GateResult.Pass;
        }));
        application = node.Services.GetRequiredService<IDuplexity>();
        var api = new ApiUnderTest(node);
        await api.PostAsync("locks/acquire", "ben", """{"lockspace":"slow","name":"taken"}""");

        var granted = await api.PostAsync("locks/acquire", "late", """{"lockspace":"slow","name":"card"}""");
        var queued = await api.SendAsync(HttpMethod.Post, "locks/acquire", node.Token("late"), JsonBody("""{"lockspace":"slow","name":"taken","waitMs":60000}"""));

        (granted.Code, queued.Code).Should().Be((207, 207));
        (await api.PostAsync("locks/acquire", "ben", """{"lockspace":"slow","name":"card"}""")).Read<AcquireLockResponse>().State.Should().Be("granted");
        (await api.PostAsync("locks/acquire", "cleo", """{"lockspace":"slow","name":"taken","waitMs":60000}""")).Read<AcquireLockResponse>().Position.Should().Be(1);
    }

    [Theory]
    [InlineData("locks/acquire", """{"lockspace":"http-4","name":"a/b"}""", 102)]
    [InlineData("locks/acquire", """{"name":"card"}""", 103)]
    [InlineData("locks/acquire", """{"lockspace":"http-4","name":"card","leaseMs":1}""", 102)]
    [InlineData("locks/renew", """{"lockspace":"http-4","name":"card"}""", 102)]
    [InlineData("locks/release", """{"lockspace":"http-4","name":"card","token":1,"ticket":"x"}""", 102)]
    [InlineData("locks/release", """{"lockspace":"http-4","name":"card","token":1}""", 209)]
    public async Task What_cannot_be_is_refused_with_the_hubs_code(string path, string body, int code) => (await _api.PostAsync(path, "amy", body)).Code.Should().Be(code);

    [Fact]
    [Trait("Guarantee", "G10")]
    public async Task A_lock_is_refused_where_the_allowance_to_join_ends()
    {
        var token = host.Node.Token("amy", null, ("duplexity", new { join = new[] { "lockspace:mine" } }));

        (await _api.SendAsync(HttpMethod.Post, "locks/acquire", token, JsonBody("""{"lockspace":"theirs","name":"card"}"""))).Code.Should().Be(203);
        (await _api.SendAsync(HttpMethod.Get, "lockspaces/theirs/locks/card", token)).Code.Should().Be(203);
        (await _api.SendAsync(HttpMethod.Post, "locks/acquire", token, JsonBody("""{"lockspace":"mine","name":"card"}"""))).Read<AcquireLockResponse>().State.Should().Be("granted");
    }

    [Fact]
    public async Task A_lockspace_that_holds_is_made_and_lets_out_whom_its_owner_says()
    {
        await using var amy = await StockSocket.DataAsync(host.Node, "amy");
        (await _api.PostAsync("lockspaces", "owner", """{"name":"exam","hold":true,"task":"write"}""")).Status.Should().Be(HttpStatusCode.OK);
        (await _api.PostAsync("lockspaces", "owner", """{"name":"hall","hold":true}""")).Status.Should().Be(HttpStatusCode.OK);
        await amy.JoinAsync("lockspace:exam");
        (await amy.SendAsync("x", "room:lobby")).Error!.Code.Should().Be(210);

        (await _api.PostAsync("members/release", "ben", """{"lockspace":"exam","client":"amy"}""")).Code.Should().Be(203);
        (await HeldAsync("members/move-to", """{"lockspace":"exam","to":"hall","client":"amy"}""")).Should().Be(1);
        (await HeldAsync("members/release-to", """{"lockspace":"hall","client":"amy"}""")).Should().Be(0);
        (await amy.SendAsync("x", "room:lobby")).Error!.Code.Should().Be(210);
        (await HeldAsync("members/release", $$"""{"lockspace":"hall","client":"amy","socketId":"{{amy.Id}}"}""")).Should().Be(1);
        (await amy.SendAsync("x", "room:lobby")).Error.Should().BeNull();
        (await HeldAsync("members/admit", """{"lockspace":"exam","client":"amy"}""")).Should().Be(0);
        await amy.JoinAsync("lockspace:exam");
        (await amy.SendAsync("x", "room:lobby")).Error.Should().BeNull("she is admitted");
        (await _api.SendAsync(HttpMethod.Delete, "lockspaces/exam", host.Node.Token("owner"))).Status.Should().Be(HttpStatusCode.OK);
        (await _api.SendAsync(HttpMethod.Delete, "lockspaces/exam", host.Node.Token("owner"))).Code.Should().Be(203);

        async Task<int?> HeldAsync(string path, string body) => (await _api.PostAsync(path, "owner", body)).Read<HeldResponse>().Sockets;
    }

    [Fact]
    [Trait("Requirement", "1.30")]
    public async Task The_application_has_lockspaces_and_locks_of_its_own()
    {
        await using var amy = await StockSocket.DataAsync(host.Node, "amy");
        var spaces = Application.Lockspaces;
        await spaces.CreateAsync("app-space", hold: true, key: "sesame");
        await amy.JoinAsync("lockspace:app-space");
        (await spaces.ReleaseAsync("app-space", "amy", amy.Id)).Should().Be(1);

        var first = await spaces.AcquireLockAsync("app-space", "card", lease: TimeSpan.FromMinutes(1));
        (await amy.InvokeAsync<AcquireLockResponse>("AcquireLock", new AcquireLockRequest { Lockspace = "app-space", Name = "card" })).Should().BeEquivalentTo(new { State = "taken", Holder = "service:app" });
        (await spaces.FindLockAsync("app-space", "card")).Should().BeEquivalentTo(new { Holder = new Origin { Client = "service:app" }, first.Token, LeaseMs = 60_000L });
        (await Application.SendAsync(Address.Room("app-fenced"), "hi", new SendOptions { Under = new LockToken { Lock = "app-space/card", Token = first.Token } })).Complete.Should().BeTrue();
        await spaces.RenewLockAsync("app-space", "card", first.Token!.Value);
        await spaces.ReleaseLockAsync("app-space", "card", first.Token!.Value);
        await spaces.Awaiting(s => s.ReleaseLockAsync("app-space", "card", first.Token!.Value)).Should().ThrowAsync<DuplexityException>().Where(e => e.Code == 209);
        (await spaces.FindLockAsync("app-space", "card")).Should().BeNull();
        await spaces.RemoveAsync("app-space");
    }

    private static StringContent JsonBody(string text) => new(text, System.Text.Encoding.UTF8, "application/json");

    private async Task<AcquireLockResponse> AcquireAsync(string client, string body) => (await _api.PostAsync("locks/acquire", client, body)).Read<AcquireLockResponse>();

    private Task<ApiAnswer> UnderAsync(string client, string text, long token) =>
        _api.PostAsync("messages", client, $$$"""{"to":"room:fenced","text":"{{{text}}}","under":{"lock":"http-1/card","token":{{{token}}}}}""");
}
