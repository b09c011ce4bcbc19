using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Xunit.Sdk;

namespace Duplexity.Testing;

/// <summary>One line of a log, as it would be printed.</summary>
/// <param name="Category">The logger's name.</param>
/// <param name="Level">The level.</param>
/// <param name="Event">Id and name.</param>
/// <param name="Text">The rendered message.</param>
/// <param name="Exception">The exception, if any.</param>
public sealed record LogLine(string Category, LogLevel Level, EventId Event, string Text, Exception? Exception)
{
    /// <summary>The line with everything that a console would show of it.</summary>
    public override string ToString() => $"{Level} {Category}[{Event.Id} {Event.Name}] {Text}{(Exception is null ? "" : Environment.NewLine + Exception)}";
}

/// <summary>Listens to every log of a node: an Error that the test did not announce fails the test. Thread-safe.</summary>
public sealed class LogWatch : ILoggerProvider
{
    private const int Kept = 200_000;

    private readonly ConcurrentQueue<LogLine> _lines = new();
    private readonly ConcurrentQueue<LogLine> _errors = new();
    private readonly ConcurrentBag<Func<LogLine, bool>> _expected = [];
    private readonly ConcurrentDictionary<object, Action<LogLine>> _waiting = new();

    /// <summary>What was logged, oldest first; the newest 200,000 lines.</summary>
    public IReadOnlyCollection<LogLine> Lines => _lines;

    /// <summary>Announces Errors of this event name, or with this text in their message.</summary>
    public LogWatch Expect(string eventNameOrText) =>
        Expect(line => line.Event.Name == eventNameOrText || line.Text.Contains(eventNameOrText, StringComparison.Ordinal));

    /// <summary>Announces Errors that match.</summary>
    public LogWatch Expect(Func<LogLine, bool> matches)
    {
        _expected.Add(matches);
        return this;
    }

    /// <summary>Waits until a line that matches has been logged; one that is there already counts.</summary>
    public async Task<LogLine> WaitForAsync(string what, Func<LogLine, bool> matches, TimeSpan? timeout = null)
    {
        var key = new object();
        try
        {
            return await Wait.For<LogLine>(
                $"the log line \"{what}\"",
                found =>
                {
                    _waiting[key] = line =>
                    {
                        if (matches(line))
                        {
                            found(line);
                        }
                    };
                    foreach (var line in _lines.Where(matches))
                    {
                        found(line);
                    }
                },
                timeout);
        }
        finally
        {
            _waiting.TryRemove(key, out _);
        }
    }

    /// <summary>Fails the test if an Error was logged that it did not announce.</summary>
    public void Verify()
    {
        var unannounced = _errors.Where(line => !_expected.Any(matches => matches(line))).ToList();
        if (unannounced.Count > 0)
        {
            throw new XunitException($"{unannounced.Count} Error(s) that the test did not announce; the first: {unannounced[0]}");
        }
    }

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    /// <inheritdoc/>
    public void Dispose()
    {
        // Nothing to release; what was logged stays readable after the node is gone.
    }

    private void Add(LogLine line)
    {
        _lines.Enqueue(line);
        if (_lines.Count > Kept)
        {
            _lines.TryDequeue(out _);
        }

        if (line.Level >= LogLevel.Error)
        {
            _errors.Enqueue(line);
        }

        foreach (var (_, look) in _waiting)
        {
            look(line);
        }
    }

    private sealed class Logger(LogWatch watch, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            watch.Add(new LogLine(category, logLevel, eventId, formatter(state, exception), exception));
    }
}
