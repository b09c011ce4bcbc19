using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.OpenId.Storage;

/// <summary>The file <c>openid.db</c> in the data folder: SQLite, for its owner alone, with the version of its tables in the file itself.</summary>
internal sealed class Database(IOptions<DuplexityOptions> options, IHostEnvironment environment)
{
    /// <summary>The tables as this program makes them. A change of them takes the next number, and a step that brings an older file there.</summary>
    public const int Version = 1;

    private const UnixFileMode OwnersFolder = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Held by whoever changes users.</summary>
    public SemaphoreSlim Turn { get; } = new(1, 1);

    private string Folder => System.IO.Path.Combine(environment.ContentRootPath, options.Value.Data);

    public string Path => System.IO.Path.Combine(Folder, "openid.db");

    /// <summary>Waits for other writers for half a minute, as each command does.</summary>
    public string ConnectionString => new SqliteConnectionStringBuilder { DataSource = Path, DefaultTimeout = 30 }.ConnectionString;

    /// <summary>Makes the file where it is missing.</summary>
    /// <exception cref="InvalidOperationException">It is a newer program's, or nobody's.</exception>
    public async Task OpenAsync(OpenIdContext context, CancellationToken ct)
    {
        MakeFile();
        await context.Database.OpenConnectionAsync(ct);
        var found = await context.Database.SqlQueryRaw<int>("SELECT user_version AS Value FROM pragma_user_version").SingleAsync(ct);
        if (found > Version)
        {
            throw new InvalidOperationException($"{Path} was written by a newer program (its tables are of version {found}, this program knows {Version}). Start that program, or put back the file from before.");
        }

        if (found == 0)
        {
            // Readers and the one writer do not wait for each other; said once, the file keeps it.
            await context.Database.ExecuteSqlRawAsync("PRAGMA journal_mode = WAL", ct);
            var script = context.Database.GenerateCreateScript();
            await using var transaction = await context.Database.BeginTransactionAsync(ct);
            await context.Database.ExecuteSqlRawAsync(script, ct);
            await context.Database.ExecuteSqlRawAsync("PRAGMA user_version = 1", ct);
            await transaction.CommitAsync(ct);
        }
    }

    private void MakeFile()
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(Folder);
            return;
        }

        // Made with its mode, so that it is never open for a moment; SQLite gives its side files the same.
        Directory.CreateDirectory(Folder, OwnersFolder);
        new FileStream(Path, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.Write, UnixCreateMode = OwnersFile, Share = FileShare.ReadWrite }).Dispose();
    }
}
