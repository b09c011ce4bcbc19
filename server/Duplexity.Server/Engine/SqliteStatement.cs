using Microsoft.Data.Sqlite;

namespace Duplexity.Server.Engine;

/// <summary>One prepared statement with parameters <c>$0</c>, <c>$1</c>, … Not thread-safe, like its connection.</summary>
internal sealed class SqliteStatement(SqliteConnection connection, string sql)
{
    private SqliteCommand? _command;

    /// <summary>Runs it; the number of rows that it changed.</summary>
    public int Run(params ReadOnlySpan<object?> values) => Bind(values).ExecuteNonQuery();

    /// <summary>The first column of the first row; null without one, or where it is NULL.</summary>
    public object? Scalar(params ReadOnlySpan<object?> values) => Bind(values).ExecuteScalar() is var value and not DBNull ? value : null;

    /// <summary>Its rows.</summary>
    public SqliteDataReader Read(params ReadOnlySpan<object?> values) => Bind(values).ExecuteReader();

    private SqliteCommand Bind(ReadOnlySpan<object?> values)
    {
        if (_command is null)
        {
            _command = connection.CreateCommand();
            _command.CommandText = sql;
            for (var i = 0; i < values.Length; i++)
            {
                _command.Parameters.Add(new SqliteParameter($"${i}", null));
            }
        }

        for (var i = 0; i < values.Length; i++)
        {
            _command.Parameters[i].Value = values[i] ?? DBNull.Value;
        }

        return _command;
    }
}
