using System.Text;

namespace Duplexity.Server.Tests.Cli;

/// <summary>What a command printed, line by line, and a way to wait for a line.</summary>
internal sealed class LineWriter : TextWriter
{
    private readonly List<string> _lines = [];
    private readonly List<(Func<string, bool> Wanted, TaskCompletionSource<string> Seen)> _waiting = [];
    private readonly StringBuilder _current = new();

    public override Encoding Encoding => Encoding.UTF8;

    public string[] Lines
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines];
            }
        }
    }

    public override void Write(char value)
    {
        lock (_lines)
        {
            if (value != '\n')
            {
                _current.Append(value);
                return;
            }

            var line = _current.ToString();
            _current.Clear();
            _lines.Add(line);
            foreach (var (_, seen) in _waiting.Where(w => w.Wanted(line)))
            {
                seen.TrySetResult(line);
            }
        }
    }

    /// <summary>The first line that is wanted, printed already or yet to come.</summary>
    public Task<string> LineAsync(Func<string, bool> wanted)
    {
        lock (_lines)
        {
            if (_lines.Find(l => wanted(l)) is { } already)
            {
                return Task.FromResult(already);
            }

            var seen = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((wanted, seen));
            return seen.Task;
        }
    }
}
