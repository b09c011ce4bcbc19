using System.Net;
using Duplexity.Server.OpenId;
using Duplexity.Server.OpenId.Storage;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Microsoft.IdentityModel.JsonWebTokens;
using Xunit;

namespace Duplexity.Server.Tests.OpenId;

/// <summary>What the provider keeps: keys that change without cutting anyone off, and a file whose tables have a version.</summary>
public sealed class KeptTests
{
    [Fact]
    [Trait("Requirement", "2.7")]
    public async Task Keys_outlive_a_restart_and_change_after_ninety_days_without_cutting_anyone_off()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var data = Directory.CreateTempSubdirectory("duplexity-data-");
        Task<OpenIdNode> StartAsync() => OpenIdNode.StartAsync(s =>
        {
            s.Time = time;
            s.Settings["Duplexity:Data"] = data.FullName;
            s.Options = o => o.Times.SignedIn = TimeSpan.FromDays(365);
        });
        System.Text.Json.JsonElement tokens;
        string first;
        await using (var node = await StartAsync())
        {
            await node.AddAsync("amy");
            tokens = await node.SignInAsync("amy");
            first = Key(tokens);
            Key(await node.SignInAsync("amy")).Should().Be(first);
        }

        time.Advance(TimeSpan.FromDays(91));
        await using (var node = await StartAsync())
        {
            // A new key is drawn; it is published first, and what the old one sealed opens.
            (var status, tokens) = await SignInRig.RefreshAsync(node.Node, tokens);
            status.Should().Be(HttpStatusCode.OK);
            Key(tokens).Should().Be(first);
            var published = await node.Node.Http.GetStringAsync("openid/jwks");
            published.Should().NotContain("\"d\"");
            published.Split("\"kid\"").Should().HaveCount(3);

            // A day later it signs, in the node that runs, and the service knows it.
            time.Advance(TimeSpan.FromHours(25));
            await node.Node.Services.GetRequiredService<ProviderKeys>().LookAsync(default);
            (status, tokens) = await SignInRig.RefreshAsync(node.Node, tokens);
            status.Should().Be(HttpStatusCode.OK, "codes and refresh tokens of the key before still open");
            var second = Key(tokens);
            second.Should().NotBe(first);
            published.Should().Contain(first).And.Contain(second);
            Key(await node.SignInAsync("amy")).Should().Be(second);
        }

        data.Delete(recursive: true);
    }

    [Fact]
    [Trait("Requirement", "2.7")]
    public async Task The_file_is_its_owners_alone_and_one_of_a_newer_program_is_refused()
    {
        var data = Directory.CreateTempSubdirectory("duplexity-data-");
        var folder = Path.Combine(data.FullName, "new");
        var file = Path.Combine(folder, "openid.db");
        await using (var node = await OpenIdNode.StartAsync(s => s.Settings["Duplexity:Data"] = folder))
        {
            await node.AddAsync("amy");
            new DirectoryInfo(Path.Combine(folder, "keys")).UnixFileMode.Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            Directory.GetFiles(folder, "openid.db*").Select(f => new FileInfo(f).UnixFileMode).Should().NotBeEmpty().And.OnlyContain(mode => mode == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }

        await using (var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ConnectionString))
        {
            await connection.OpenAsync();
            await using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA user_version = 2";
            await command.ExecuteNonQueryAsync();
        }

        var start = () => OpenIdNode.StartAsync(s => s.Settings["Duplexity:Data"] = folder);
        await start.Should().ThrowAsync<InvalidOperationException>().WithMessage("*openid.db was written by a newer program*version 2*");
        data.Delete(recursive: true);
    }

    [Fact]
    public async Task The_tables_are_those_of_their_version()
    {
        await using var node = await OpenIdNode.StartAsync();

        var script = await node.AskAsync(s => Task.FromResult(s.GetRequiredService<OpenIdContext>().Database.GenerateCreateScript()));

        // Where this fails, a package or a class has changed the tables: then Database.Version goes up, with a step that brings older files there, and this file is written anew.
        var known = Path.Combine(ProcessTools.Root, "tests/Duplexity.Server.Tests/OpenId/tables-1.sql");
        script.ReplaceLineEndings("\n").Should().Be((await File.ReadAllTextAsync(known)).ReplaceLineEndings("\n"));
    }

    private static string Key(System.Text.Json.JsonElement tokens) => new JsonWebToken(tokens.GetProperty("id_token").GetString()).Kid;
}
