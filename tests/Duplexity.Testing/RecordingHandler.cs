using System.Threading.Channels;
using Duplexity.Server.Engine;

namespace Duplexity.Testing;

/// <summary>A node as an engine sees it: keeps what arrives, and lets a test wait for it.</summary>
internal sealed class RecordingHandler : IEngineHandler
{
    private readonly Channel<LogEntry> _arrived = Channel.CreateUnbounded<LogEntry>();

    /// <summary>When set, called with each entry before it is kept; what it throws goes to the engine.</summary>
    public Action<LogEntry>? OnEntry { get; set; }

    public void OnAppended(LogEntry entry)
    {
        OnEntry?.Invoke(entry);
        _arrived.Writer.TryWrite(entry);
    }

    /// <summary>The next <paramref name="count"/> entries in the order of their arrival.</summary>
    public async Task<IReadOnlyList<LogEntry>> TakeAsync(int count)
    {
        var entries = new List<LogEntry>();
        while (entries.Count < count)
        {
            entries.Add(await _arrived.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30)));
        }

        return entries;
    }

    /// <summary>What has arrived and was not taken yet, without waiting.</summary>
    public IReadOnlyList<LogEntry> TakeArrived()
    {
        var entries = new List<LogEntry>();
        while (_arrived.Reader.TryRead(out var entry))
        {
            entries.Add(entry);
        }

        return entries;
    }
}
