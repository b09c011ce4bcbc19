namespace Duplexity.Server.Engine;

/// <summary>A change of records that waits for the disk; told of when the batch that it is in is committed, or has failed.</summary>
/// <param name="kind">The kind of what it changes: changes of one kind happen in the order of their calls.</param>
/// <param name="bytes">What it holds while it waits.</param>
internal abstract class RecordWork(string kind, int bytes)
{
    /// <summary>Which line it stands in: its kind, and for kinds of which each client has one, what they have in common.</summary>
    public string Line { get; } = kind.IndexOf(':') is var end and >= 0 ? kind[..end] : kind;

    public int Bytes => bytes;

    /// <summary>Does it, within the batch's transaction.</summary>
    public abstract void Run(SqliteRecordStore store);

    /// <summary>It is committed.</summary>
    public abstract void Answer();

    /// <summary>It is not committed, or nobody knows.</summary>
    public abstract void Fail(Exception exception);
}

/// <summary>A change with a result.</summary>
internal sealed class RecordWork<T>(string kind, int bytes, Func<SqliteRecordStore, T> run) : RecordWork(kind, bytes)
{
    private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? _result;

    public Task<T> Done => _done.Task;

    public override void Run(SqliteRecordStore store) => _result = run(store);

    public override void Answer() => _done.SetResult(_result!);

    public override void Fail(Exception exception) => _done.SetException(exception);
}
