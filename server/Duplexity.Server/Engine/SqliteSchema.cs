using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Duplexity.Server.Engine;

/// <summary>
/// The tables of <c>messages.db</c> and how an older file becomes one of today. The file's <c>user_version</c> counts the steps that it has taken, its
/// <c>application_id</c> says that it is ours. A step is never changed once released: the next one is appended.
/// </summary>
internal static class SqliteSchema
{
    /// <summary>"DXML" in ASCII.</summary>
    internal const int ApplicationId = 0x44584D4C;

    /// <summary>Step n makes version n + 1 of version n.</summary>
    internal static readonly IReadOnlyList<string> Steps =
    [
        """
        CREATE TABLE channels (
            id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE,
            top INTEGER NOT NULL, epoch TEXT NOT NULL,  -- the place of the last entry that there ever was
            first INTEGER NOT NULL, bytes INTEGER NOT NULL,  -- the first entry that is kept, and the size of all that are; what lies before it is on its way out
            appended INTEGER NOT NULL, due INTEGER NOT NULL);  -- when the last one was appended, and when the sweep has to look
        CREATE INDEX channels_due ON channels (due);
        CREATE TABLE messages (id INTEGER PRIMARY KEY, copies INTEGER NOT NULL, body BLOB NOT NULL, places BLOB);  -- places: of all its copies, where there are several
        CREATE TABLE entries (
            channel INTEGER NOT NULL, offset INTEGER NOT NULL, epoch TEXT NOT NULL,
            before TEXT,  -- the epoch of the entry before it; NULL: the same
            message INTEGER NOT NULL, nth INTEGER NOT NULL, size INTEGER NOT NULL, appended INTEGER NOT NULL,
            PRIMARY KEY (channel, offset)) WITHOUT ROWID;
        CREATE TABLE tokens (channel INTEGER NOT NULL, lock TEXT NOT NULL, token INTEGER NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (channel, lock)) WITHOUT ROWID;
        CREATE INDEX tokens_used ON tokens (channel, used);
        CREATE TABLE sources (channel INTEGER NOT NULL, edge TEXT NOT NULL, places BLOB NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (channel, edge)) WITHOUT ROWID;
        CREATE INDEX sources_used ON sources (channel, used);
        CREATE TABLE sessions (
            id INTEGER PRIMARY KEY, client TEXT NOT NULL, session TEXT NOT NULL, highest INTEGER NOT NULL, kept INTEGER NOT NULL, used INTEGER NOT NULL,
            UNIQUE (client, session));
        CREATE INDEX sessions_client_used ON sessions (client, used);
        CREATE INDEX sessions_used ON sessions (used);
        CREATE TABLE receipts (session INTEGER NOT NULL, sequence INTEGER NOT NULL, fingerprint TEXT NOT NULL, receipt BLOB NOT NULL, PRIMARY KEY (session, sequence)) WITHOUT ROWID;
        CREATE TABLE keys (
            client TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, receipt BLOB NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (client, key)) WITHOUT ROWID;
        CREATE INDEX keys_client_used ON keys (client, used);
        CREATE INDEX keys_used ON keys (used);
        """,
    ];

    /// <summary>Makes the tables in a file without any.</summary>
    public static void Create(SqliteConnection connection, IReadOnlyList<string> steps) => Take(connection, steps, 0);

    /// <summary>Brings the file to today's version, in one transaction.</summary>
    /// <exception cref="DataFolderException">The file is another program's, or that of a newer version.</exception>
    public static void Migrate(SqliteConnection connection, IReadOnlyList<string> steps)
    {
        var application = Pragma(connection, "application_id");
        var version = Pragma(connection, "user_version");
        if (application != ApplicationId || version == 0)
        {
            throw new DataFolderException("The file is not a message log of Duplexity.");
        }

        if (version > steps.Count)
        {
            throw new DataFolderException($"The file is of version {version}, and this program knows versions up to {steps.Count}: it was written by a newer one. Run that one again, or another one at least as new.");
        }

        if (version < steps.Count)
        {
            Take(connection, steps, (int)version);
        }
    }

    private static long Pragma(SqliteConnection connection, string name) => (long)new SqliteStatement(connection, $"PRAGMA {name}").Scalar()!;

    private static void Take(SqliteConnection connection, IReadOnlyList<string> steps, int from)
    {
        using var transaction = connection.BeginTransaction();
        using var command = connection.CreateCommand();
        command.Transaction = transaction;
        foreach (var step in steps.Skip(from))
        {
            command.CommandText = step;
            command.ExecuteNonQuery();
        }

        command.CommandText = string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version = {steps.Count}; PRAGMA application_id = {ApplicationId}");
        command.ExecuteNonQuery();
        transaction.Commit();
    }
}
