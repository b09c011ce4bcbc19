using System.Net;
using System.Text.RegularExpressions;
using Duplexity.Server.OpenId.Storage;
using FluentAssertions;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.OpenId;

/// <summary>What a stranger learns and may try at the sign-in page: nothing, and little.</summary>
public sealed partial class PasswordTests
{
    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task Unknown_wrong_disabled_and_locked_out_look_the_same_and_each_costs_one_hash()
    {
        await using var node = await OpenIdNode.StartAsync();
        foreach (var name in (string[])["root", "amy", "ben", "dan"])
        {
            await node.AddAsync(name, roles: name == "root" ? ["admin"] : []);
        }

        await node.AddAsync("eve", password: null);
        await node.UsersAsync("/disable", new { name = "ben" });
        await node.AskAsync(s => s.GetRequiredService<OpenIdContext>().Users.Where(u => u.Id == "dan").ExecuteUpdateAsync(set => set.SetProperty(u => u.LockedUntil, long.MaxValue)));
        (string What, string Name, string Password)[] tries =
        [
            ("unknown", "nobody", "whatever it is"), ("wrong", "amy", "whatever it is"), ("disabled, right", "ben", OpenIdNode.Password), ("locked, right", "dan", OpenIdNode.Password),
            ("without a password", "eve", "whatever it is"), ("the decoy's own id", ":", "whatever it is"), ("no name", "", "whatever it is"), ("no character", "\ufffe", "whatever it is"), ("no password", "amy", ""), ("a very long one", "amy", new string('x', 2000)),
        ];

        var seen = new List<(string What, HttpStatusCode Status, string Page, int Hashes)>();
        foreach (var (what, name, password) in tries)
        {
            using var person = new Person();
            await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
            var before = node.Hasher.Checked;
            await person.SignInAsync(name, password);
            seen.Add((what, person.Status, Plain(person.Page, name), node.Hasher.Checked - before));
        }

        seen.Select(s => (s.Status, s.Page)).Distinct().Should().ContainSingle();
        seen[0].Status.Should().Be(HttpStatusCode.Forbidden);
        seen.Where(s => s.What != "a very long one").Should().OnlyContain(s => s.Hashes == 1);
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task Five_wrong_passwords_lock_a_user_out_for_a_quarter_of_an_hour()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await OpenIdNode.StartAsync(s => s.Time = time);
        await node.AddAsync("amy");
        using var person = new Person();

        // Side by side, so that a count that is read first and written later would lose some.
        await Task.WhenAll(Enumerable.Range(0, 5).Select(async _ =>
        {
            using var guesser = new Person();
            await guesser.OpenAsync(new Uri(node.OpenId, "sign-in"));
            await guesser.SignInAsync("amy", "a guess that is wrong");
        }));
        await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
        await person.SignInAsync("AMY", OpenIdNode.Password);
        person.Status.Should().Be(HttpStatusCode.Forbidden);
        time.Advance(TimeSpan.FromMinutes(14));
        await person.SignInAsync("amy", OpenIdNode.Password);
        person.Status.Should().Be(HttpStatusCode.Forbidden);
        time.Advance(TimeSpan.FromMinutes(2));
        await person.SignInAsync("amy", OpenIdNode.Password);

        person.Status.Should().Be(HttpStatusCode.OK);
        person.Page.Should().Contain("Signed in");
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public async Task A_right_password_forgives_the_wrong_ones_before_it()
    {
        await using var node = await OpenIdNode.StartAsync();
        await node.AddAsync("amy");
        using var person = new Person();
        for (var round = 0; round < 3; round++)
        {
            await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
            for (var i = 0; i < 4; i++)
            {
                await person.SignInAsync("amy", "a guess that is wrong");
                person.Status.Should().Be(HttpStatusCode.Forbidden);
            }

            await person.SignInAsync("amy", OpenIdNode.Password);
            person.Status.Should().Be(HttpStatusCode.OK);
        }
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task One_address_tries_twenty_wrong_passwords_and_then_waits_without_a_hash_being_computed()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var node = await OpenIdNode.StartAsync(s =>
        {
            s.Time = time;
            s.Settings["Duplexity:TrustedProxies:0"] = "127.0.0.1";
        });
        await node.AddAsync("amy");
        using var person = new Person();
        await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
        for (var i = 0; i < 20; i++)
        {
            await person.SignInAsync($"name{i}", "a guess that is wrong");
        }

        var hashes = node.Hasher.Checked;
        await person.SignInAsync("amy", OpenIdNode.Password);
        person.Status.Should().Be(HttpStatusCode.TooManyRequests);
        node.Hasher.Checked.Should().Be(hashes);
        time.Advance(TimeSpan.FromMinutes(16));
        await person.SignInAsync("amy", OpenIdNode.Password);
        person.Status.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task More_sign_ins_than_may_wait_are_told_to_come_later()
    {
        await using var node = await OpenIdNode.StartAsync(options: o => o.Waiting = 1, isDear: true);
        await node.AddAsync("amy");
        var people = await Task.WhenAll(Enumerable.Range(0, 40).Select(async _ =>
        {
            using var person = new Person();
            await person.OpenAsync(new Uri(node.OpenId, "sign-in"));
            return (await person.SignInAsync("amy", OpenIdNode.Password)).Status;
        }));

        people.Should().Contain(HttpStatusCode.OK).And.Contain(HttpStatusCode.ServiceUnavailable).And.OnlyContain(s => s == HttpStatusCode.OK || s == HttpStatusCode.ServiceUnavailable);
    }

    /// <summary>A page without what differs from one to the next: the form's token and what was typed.</summary>
    private static string Plain(string page, string name)
    {
        var plain = FormToken().Replace(page, "");
        plain = name.Length == 0 ? plain : plain.Replace($"value=\"{WebUtility.HtmlEncode(name)}\"", "value=\"\"", StringComparison.Ordinal).Replace("value=\"&#x3A;\"", "value=\"\"", StringComparison.Ordinal);
        return plain.Replace(" autofocus", "", StringComparison.Ordinal);
    }

    [GeneratedRegex("name=\"__RequestVerificationToken\" value=\"[^\"]*\"")]
    private static partial Regex FormToken();
}
