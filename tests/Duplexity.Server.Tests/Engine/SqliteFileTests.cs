using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Duplexity.Server.Tests.Engine;

/// <summary>What is in the data folder is used as it is, brought up to date, or refused with a sentence; never replaced.</summary>
public sealed class SqliteFileTests : IDisposable
{
    private static readonly Address Lobby = Address.Room("lobby");
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("duplexity-test-");
    private readonly DuplexityOptions _options = new();

    private string Data => Path.Combine(_folder.FullName, "data");

    private string Db => Path.Combine(Data, "messages.db");

    public static TheoryData<string, string> Damages => new()
    {
        { "empty", "it is empty" },
        { "text", "cannot be read" }, // of what: of the file, or where its first page is in the log beside it, of another page
        { "header", "cannot be read" },
        { "middle", "cannot be read" },
        { "short", "cannot be read" },
        { "missing", "belongs to it" },
    };

    [Theory]
    [MemberData(nameof(Damages))]
    [Trait("Guarantee", "G3")]
    public async Task A_damaged_file_is_refused_with_what_to_do_and_left_as_it_is(string damage, string says)
    {
        await WriteAsync(500);
        switch (damage)
        {
            case "empty":
                await File.WriteAllBytesAsync(Db, []);
                break;
            case "text":
                await File.WriteAllTextAsync(Db, new string('x', 8192));
                break;
            case "header":
                Overwrite(100, 512);
                break;
            case "middle":
                Overwrite(new FileInfo(Db).Length / 2, 8192);
                break;
            case "short":
                await using (var file = File.OpenWrite(Db))
                {
                    file.SetLength(file.Length / 2);
                }

                break;
            case "missing":
                File.Move(Db, Db + "-wal");
                break;
        }

        var before = Files();

        Opening().Should().Throw<DataFolderException>().Which.Message.Should().Contain(Db).And.Contain(says).And.Contain("backup");

        Files().Should().BeEquivalentTo(before, o => o.WithStrictOrdering());
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    public async Task A_folder_that_another_node_uses_is_refused()
    {
        using var first = await WriteAndKeepAsync();

        Opening().Should().Throw<DataFolderException>().Which.Message.Should().Contain("Another running node").And.Contain("Duplexity:Data");

        first.Dispose();
        Opening().Should().NotThrow();
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    public async Task A_file_that_another_program_has_locked_is_refused()
    {
        await WriteAsync(1);
        using var browser = new SqliteConnection($"Data Source={Db};Pooling=False");
        browser.Open();
        new SqliteStatement(browser, "PRAGMA locking_mode = EXCLUSIVE").Scalar();
        new SqliteStatement(browser, "BEGIN EXCLUSIVE").Run();

        Opening().Should().Throw<DataFolderException>().Which.Message.Should().Contain("locked by another program");
    }

    [Fact]
    [Trait("Guarantee", "G3")]
    public async Task Another_programs_database_and_one_of_a_newer_version_are_refused()
    {
        Directory.CreateDirectory(Data);
        Change("CREATE TABLE notes (text TEXT)");
        Opening().Should().Throw<DataFolderException>().Which.Message.Should().Contain("not a message log of Duplexity");

        File.Delete(Db);
        await WriteAsync(3);
        Change("PRAGMA user_version = 99");
        Opening().Should().Throw<DataFolderException>().Which.Message.Should().Contain("version 99").And.Contain("newer");

        Change("PRAGMA user_version = 1");
        using var log = Open();
        (await log.TopAsync(Lobby)).Offset.Should().Be(3);
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_refused()
    {
        File.WriteAllText(Data, "a file where the folder should be");

        Opening().Should().Throw<DataFolderException>().Which.Message.Should().Contain("cannot be written").And.Contain("Duplexity:Data");
    }

    [Fact]
    public async Task A_file_that_was_half_made_when_the_power_went_is_made_again()
    {
        Directory.CreateDirectory(Data);
        await File.WriteAllBytesAsync(Db + ".new", new byte[5000]);

        using var log = Open();

        (await log.TopAsync(Lobby)).Should().Be(Position.Start);
        File.Exists(Db + ".new").Should().BeFalse();
    }

    [Fact]
    [Trait("Guarantee", "G18")]
    public async Task The_folder_and_all_files_are_for_their_owner_alone()
    {
        using var log = await WriteAndKeepAsync();

        if (!OperatingSystem.IsWindows())
        {
            File.GetUnixFileMode(Data).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            foreach (var file in Directory.GetFiles(Data))
            {
                File.GetUnixFileMode(file).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite, file);
            }
        }
    }

    [Fact]
    public async Task An_older_file_is_brought_up_to_date_in_one_step_or_not_at_all()
    {
        await WriteAsync(3);
        string[] broken = [.. SqliteSchema.Steps, "ALTER TABLE messages ADD COLUMN note TEXT; CREATE TABLE channels (id INTEGER)"];
        FluentActions.Invoking(() => new SqliteFile(Data, ReceiptLevel.Fsynced, broken)).Should().Throw<DataFolderException>();
        Scalar("SELECT count(*) FROM pragma_table_info('messages') WHERE name = 'note'").Should().Be(0);
        Scalar("PRAGMA user_version").Should().Be(SqliteSchema.Steps.Count);

        string[] good = [.. SqliteSchema.Steps, "ALTER TABLE messages ADD COLUMN note TEXT", "UPDATE messages SET note = 'moved'"];
        new SqliteFile(Data, ReceiptLevel.Fsynced, good).Dispose();

        Scalar("PRAGMA user_version").Should().Be(SqliteSchema.Steps.Count + 2);
        Scalar("SELECT count(*) FROM messages WHERE note = 'moved'").Should().Be(3);
        Opening().Should().Throw<DataFolderException>().Which.Message.Should().Contain("newer");
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private SqliteMessageLog Open() => new(Data, ReceiptLevel.Written, TimeProvider.System, _options, new DefaultRetention(_options), NullLogger.Instance);

    private Action Opening() => () => Open().Dispose();

    private async Task<SqliteMessageLog> WriteAndKeepAsync(int count = 1)
    {
        var log = Open();
        log.Attach(new RecordingHandler());
        for (var i = 0; i < count; i++)
        {
            await log.AppendAsync(new AppendRequest(new StoredMessage { Id = $"{i}", FromClient = "AMY", SentAt = DateTimeOffset.UnixEpoch, Text = new string('x', 200), Destinations = [Lobby] }));
        }

        return log;
    }

    private async Task WriteAsync(int count) => (await WriteAndKeepAsync(count)).Dispose();

    private void Overwrite(long at, int count)
    {
        using var file = File.OpenWrite(Db);
        file.Position = at;
        file.Write([.. Enumerable.Repeat((byte)0xA5, count)]);
    }

    private Dictionary<string, byte[]> Files() => Directory.GetFiles(Data).Where(f => !f.EndsWith(".lock", StringComparison.Ordinal)).Order().ToDictionary(f => f, File.ReadAllBytes);

    private void Change(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Db};Pooling=False");
        connection.Open();
        new SqliteStatement(connection, sql).Run();
    }

    private long Scalar(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Db};Pooling=False");
        connection.Open();
        return (long)new SqliteStatement(connection, sql).Scalar()!;
    }
}
