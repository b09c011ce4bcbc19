using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.OpenId;

/// <summary>Adding, listing, disabling and removing people, over HTTP as the command line does it.</summary>
public sealed class UserTests
{
    [Fact]
    [Trait("Requirement", "2.3")]
    public async Task An_added_person_chooses_a_password_by_a_link_that_is_good_once()
    {
        await using var node = await OpenIdNode.StartAsync();
        var (status, added) = await node.UsersAsync("", new { name = "amy", roles = new[] { "developers" } });
        status.Should().Be(HttpStatusCode.OK);
        added.GetProperty("state").GetString().Should().Be("invited");
        var link = new Uri(added.GetProperty("link").GetString()!);
        using var person = new Person();

        await person.OpenAsync(link);
        person.Page.Should().Contain("amy").And.Contain("Choose a password");
        await person.ChooseAsync("short");
        (person.Status, person.Page).Should().Match<(HttpStatusCode, string)>(p => p.Item1 == HttpStatusCode.BadRequest && p.Item2.Contains("at least 10"));
        await person.SubmitAsync([("password", OpenIdNode.Password), ("again", "something else entirely")]);
        person.Page.Should().Contain("not the same");
        await person.ChooseAsync(OpenIdNode.Password);
        person.Page.Should().Contain("Your password is set, amy").And.Contain("duplexity login");
        await person.OpenAsync(link);
        person.Status.Should().Be(HttpStatusCode.NotFound);

        (await node.SignInAsync("amy")).GetProperty("client").GetString().Should().Be("amy");
        var (_, all) = await node.UsersAsync("", null);
        all.GetProperty("users").EnumerateArray().Single().Should().Match<JsonElement>(u => u.GetProperty("state").GetString() == "active" && u.GetProperty("roles")[0].GetString() == "developers");
        all.ToString().Should().NotContain("link").And.NotContain("Hash");
    }

    [Fact]
    [Trait("Requirement", "2.3")]
    public async Task Links_end_after_a_day_and_with_the_next_one()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await OpenIdNode.StartAsync(s => s.Time = time);
        using var person = new Person();
        var first = new Uri((await node.UsersAsync("", new { name = "amy" })).Body.GetProperty("link").GetString()!);
        var second = new Uri((await node.UsersAsync("/reset", new { name = "amy" })).Body.GetProperty("link").GetString()!);

        (await person.OpenAsync(first)).Status.Should().Be(HttpStatusCode.NotFound);
        (await person.OpenAsync(second)).Status.Should().Be(HttpStatusCode.OK);
        time.Advance(TimeSpan.FromHours(25));
        (await person.ChooseAsync(OpenIdNode.Password)).Status.Should().Be(HttpStatusCode.NotFound);
        (await person.OpenAsync(new Uri(node.OpenId, "invitation?token=made-up"))).Status.Should().Be(HttpStatusCode.NotFound);
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    public async Task A_name_is_never_given_twice_whatever_its_case_and_form_and_a_removed_person_leaves_nothing_behind()
    {
        await using var node = await OpenIdNode.StartAsync();
        await node.AddAsync("root", roles: "admin");
        await node.AddAsync("am\u00e9lie", roles: "developers");
        var tokens = await node.SignInAsync("am\u00e9lie");

        (await node.UsersAsync("", new { name = "ame\u0301lie" })).Body.GetProperty("error").GetProperty("code").GetInt32().Should().Be(205, "the same in normal form");
        (await node.UsersAsync("", new { name = "AM\u00c9LIE" })).Body.GetProperty("error").GetProperty("code").GetInt32().Should().Be(205);
        (await node.UsersAsync("/remove", new { name = "am\u00e9lie" })).Status.Should().Be(HttpStatusCode.OK);
        (await node.UsersAsync("", new { name = "am\u00e9lie" })).Body.GetProperty("error").GetProperty("code").GetInt32().Should().Be(205, "she was there");
        (await node.UsersAsync("/enable", new { name = "am\u00e9lie" })).Status.Should().Be(HttpStatusCode.NotFound);
        (await node.UsersAsync("", null)).Body.GetProperty("users").EnumerateArray().Should().ContainSingle();
        (await SignInRig.RefreshAsync(node.Node, tokens)).Status.Should().Be(HttpStatusCode.Unauthorized);
        using var person = new Person();
        await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
        (await person.SignInAsync("am\u00e9lie", OpenIdNode.Password)).Status.Should().Be(HttpStatusCode.Forbidden);
        foreach (var name in (string[])["", "with space", "service:ci", "a:b", "line\nend", "\u202eevil", "broken\ud800", new string('x', 129)])
        {
            (await node.UsersAsync("", new { name })).Status.Should().Be(HttpStatusCode.BadRequest, name);
        }
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    [Trait("Requirement", "3.10")]
    [Trait("Guarantee", "G8")]
    public async Task A_disabled_person_loses_sockets_refreshes_and_the_browsers_session_at_once_and_may_come_back_when_enabled()
    {
        await using var node = await OpenIdNode.StartAsync();
        await node.AddAsync("root", roles: "admin");
        await node.AddAsync("amy");
        using var browser = new Person();
        var tokens = await node.SignInAsync("amy", browser: browser);
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Node.Address, "data"), tokens.GetProperty("access_token").GetString()!);

        (await node.UsersAsync("/disable", new { name = "amy" })).Body.GetProperty("state").GetString().Should().Be("disabled");

        (await socket.Disconnected).Code.Should().Be(522);
        (await SignInRig.RefreshAsync(node.Node, tokens)).Status.Should().Be(HttpStatusCode.Unauthorized);
        await using var terminal = await WaitingProgram.StartAsync(node.Node.Http);
        await browser.OpenAsync(terminal.Link);
        browser.Page.Should().Contain("Sign in").And.NotContain("Connect a program");
        await browser.SignInAsync("amy", OpenIdNode.Password);
        browser.Status.Should().Be(HttpStatusCode.Forbidden);
        await node.UsersAsync("/enable", new { name = "amy" });
        await browser.SignInAsync("amy", OpenIdNode.Password);
        browser.Page.Should().Contain("Connect a program");
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task A_reset_ends_the_old_password_and_what_was_signed_in_with_it()
    {
        await using var node = await OpenIdNode.StartAsync();
        await node.AddAsync("amy");
        var tokens = await node.SignInAsync("amy");
        await using var socket = await StockSocket.ConnectAsync(new Uri(node.Node.Address, "data"), tokens.GetProperty("access_token").GetString()!);

        var link = new Uri((await node.UsersAsync("/reset", new { name = "amy" })).Body.GetProperty("link").GetString()!);

        (await socket.Disconnected).Code.Should().Be(522);
        (await SignInRig.RefreshAsync(node.Node, tokens)).Status.Should().Be(HttpStatusCode.Unauthorized);
        using var person = new Person();
        await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
        (await person.SignInAsync("amy", OpenIdNode.Password)).Status.Should().Be(HttpStatusCode.Forbidden);
        await person.OpenAsync(link);
        await person.ChooseAsync("another few words");
        await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
        (await person.SignInAsync("amy", "another few words")).Status.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    [Trait("Requirement", "2.3")]
    [Trait("Guarantee", "G19")]
    public async Task Users_are_the_business_of_administrators_who_are_people_and_the_last_of_them_stays()
    {
        await using var node = await OpenIdNode.StartAsync();
        await node.AddAsync("root", roles: "admin");
        await node.AddAsync("amy");
        var amys = (await node.SignInAsync("amy")).GetProperty("access_token").GetString()!;
        using var keyAnswer = await node.Node.Http.SendAsync(new HttpRequestMessage(HttpMethod.Post, "auth/keys")
        {
            Headers = { Authorization = new("Bearer", node.Administrator()) },
            Content = JsonContent.Create(new { name = "rack" }),
        });
        var key = (await keyAnswer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("key").GetString();
        using var exchanged = await node.Node.Http.PostAsJsonAsync("auth/token", new { key });
        var machine = (await exchanged.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("access_token").GetString()!;

        foreach (var (path, body) in new (string, object?)[] { ("", null), ("", new { name = "eve", roles = new[] { "admin" } }), ("/reset", new { name = "root" }), ("/disable", new { name = "root" }), ("/remove", new { name = "nobody" }) })
        {
            (await node.UsersAsync(path, body, amys)).Status.Should().Be(HttpStatusCode.Forbidden);
            (await node.UsersAsync(path, body, machine)).Status.Should().Be(HttpStatusCode.Forbidden);
            (await node.UsersAsync(path, body, "no token")).Status.Should().Be(HttpStatusCode.Unauthorized);
        }

        (await node.UsersAsync("/disable", new { name = "root" })).Body.GetProperty("error").GetProperty("sentence").GetString().Should().Contain("only administrator");
        (await node.UsersAsync("/remove", new { name = "root" })).Status.Should().Be(HttpStatusCode.Forbidden);
        (await node.UsersAsync("/remove", new { name = "nobody" })).Status.Should().Be(HttpStatusCode.NotFound);
        (await node.UsersAsync("", new { name = "eve", roles = new[] { "no role" } })).Status.Should().Be(HttpStatusCode.BadRequest);
        (await node.UsersAsync("", new { name = "eve", password = "short" })).Status.Should().Be(HttpStatusCode.BadRequest);
        await node.AddAsync("second", roles: "admin");
        (await node.UsersAsync("/disable", new { name = "root" }, node.Administrator("second"))).Status.Should().Be(HttpStatusCode.OK);
    }
}
