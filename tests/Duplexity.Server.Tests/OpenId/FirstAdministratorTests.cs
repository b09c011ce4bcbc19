using System.Net;
using Duplexity.Server.OpenId;
using Duplexity.Server.OpenId.Users;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.OpenId;

/// <summary>A node without users, and whoever started it.</summary>
public sealed class FirstAdministratorTests
{
    [Fact]
    [Trait("Requirement", "2.3")]
    public async Task The_link_makes_one_administrator_and_is_gone_then()
    {
        await using var node = await OpenIdNode.StartAsync();
        var link = await LinkAsync(node);
        using var person = new Person();
        using var late = new Person();

        await late.OpenAsync(link!);
        await person.OpenAsync(link!);
        await person.ChooseAsync("short", "amy");
        person.Page.Should().Contain("at least 10");
        await person.ChooseAsync(OpenIdNode.Password, "not a name");
        person.Page.Should().Contain("without white space");
        await person.ChooseAsync(OpenIdNode.Password, "amy");
        person.Page.Should().Contain("Welcome, amy").And.Contain("duplexity user add");

        (await late.ChooseAsync(OpenIdNode.Password, "eve")).Status.Should().Be(HttpStatusCode.NotFound);
        (await late.OpenAsync(link!)).Status.Should().Be(HttpStatusCode.NotFound);
        var tokens = await node.SignInAsync("amy");
        (await node.UsersAsync("", null, tokens.GetProperty("access_token").GetString())).Status.Should().Be(HttpStatusCode.OK);
    }

    [Fact]
    [Trait("Requirement", "2.3")]
    public async Task The_link_is_over_after_an_hour_and_is_neither_stored_nor_logged()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var data = Directory.CreateTempSubdirectory("duplexity-data-");
        await using (var node = await OpenIdNode.StartAsync(s =>
        {
            s.Time = time;
            s.Settings["Duplexity:Data"] = data.FullName;
        }))
        {
            var link = await LinkAsync(node);
            var token = link!.Query.Split('=')[1];
            using var person = new Person();
            (await person.OpenAsync(link)).Status.Should().Be(HttpStatusCode.OK);

            // The framework's own request lines apart, which our host does not have and the README warns of.
            node.Node.Logs.Lines.Should().NotContain(l => l.ToString().Contains(token) && l.Category != "Microsoft.AspNetCore.Hosting.Diagnostics").And.Contain(l => l.Text.Contains("no administrator yet"));
            await using var records = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = Path.Combine(data.FullName, "records.db"), Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ConnectionString);
            await records.OpenAsync();
            await using var command = records.CreateCommand();
            command.CommandText = "SELECT group_concat(kind || key || value) FROM records";
            ((string)(await command.ExecuteScalarAsync())!).Should().Contain("openid-link").And.NotContain(token);

            time.Advance(TimeSpan.FromMinutes(61));
            (await person.OpenAsync(link)).Status.Should().Be(HttpStatusCode.NotFound);
            (await person.OpenAsync(new Uri(node.OpenId, "first"))).Status.Should().Be(HttpStatusCode.NotFound);
        }

        data.Delete(recursive: true);
    }

    [Fact]
    [Trait("Requirement", "2.3")]
    public async Task Each_start_prints_another_while_there_is_no_administrator_and_none_afterwards()
    {
        var data = Directory.CreateTempSubdirectory("duplexity-data-");
        Uri? first;
        await using (var node = await OpenIdNode.StartAsync(s => s.Settings["Duplexity:Data"] = data.FullName))
        {
            first = await LinkAsync(node);
            await node.AddAsync("amy");
        }

        await using (var node = await OpenIdNode.StartAsync(s => s.Settings["Duplexity:Data"] = data.FullName))
        {
            (await LinkAsync(node))!.Query.Should().NotBe(first!.Query, "amy is no administrator");
            await node.AddAsync("root", roles: "admin");
        }

        await using (var node = await OpenIdNode.StartAsync(s => s.Settings["Duplexity:Data"] = data.FullName))
        {
            (await LinkAsync(node)).Should().BeNull();
            (await node.SignInAsync("amy")).GetProperty("client").GetString().Should().Be("amy", "who was there is there after a restart");
        }

        data.Delete(recursive: true);
    }

    [Fact]
    [Trait("Requirement", "2.3")]
    [Trait("Guarantee", "G19")]
    public async Task Of_two_links_that_are_used_at_once_one_makes_an_administrator()
    {
        await using var node = await OpenIdNode.StartAsync();
        var links = node.Node.Services.GetRequiredService<Duplexity.Server.OpenId.Users.Links>();
        var tokens = await Task.WhenAll(Enumerable.Range(0, 2).Select(async _ => (await links.MakeAsync(new Link(null, null), TimeSpan.FromHours(1), default)).Token));

        // Behind the page's own look: both had passed it.
        var made = await Task.WhenAll(tokens.Select((token, i) => node.AskAsync(s => s.GetRequiredService<UserDirectory>().AddFirstAsync(token, $"root{i}", OpenIdNode.Password, default))));

        made.Should().ContainSingle(m => m.User != null).And.ContainSingle(m => m.Error != null);
    }

    private static Task<Uri?> LinkAsync(OpenIdNode node) => node.Node.Services.GetRequiredService<FirstAdministrator>().Link.Soon();
}
