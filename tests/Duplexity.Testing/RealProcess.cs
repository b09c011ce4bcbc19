using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Duplexity.Testing;

/// <summary>A real program that a test starts, listens to, and stops by its id. Disposing it kills it with everything that it started.</summary>
public sealed partial class RealProcess : IAsyncDisposable
{
    private const int Interrupt = 2;
    private const int KillNow = 9;
    private const int Terminate = 15;
    private const int StopNow = 19;
    private const int GoOn = 18;

    private readonly Process _process;
    private readonly Lock _gate = new();
    private readonly List<string> _lines = [];
    private readonly List<(Func<string, bool> Matches, TaskCompletionSource<string> Found)> _waiting = [];
    private readonly TaskCompletionSource _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string _name;

    private RealProcess(Process process, string name)
    {
        _process = process;
        _name = name;
    }

    /// <summary>The process id.</summary>
    public int Id => _process.Id;

    /// <summary>Everything that it printed to both outputs, in order of arrival.</summary>
    public string Output
    {
        get
        {
            lock (_gate)
            {
                return string.Join('\n', _lines);
            }
        }
    }

    /// <summary>Completes when it has ended and all its output has been read, with the exit code.</summary>
    public async Task<int> ExitAsync(TimeSpan? timeout = null)
    {
        try
        {
            await _exited.Task.Soon(timeout, $"the end of {_name}");
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\nIt printed:\n{Output}", e);
        }

        return _process.ExitCode;
    }

    /// <summary>Starts a program. <paramref name="environment"/> is added to the test's own; a null value takes a variable away.</summary>
    public static RealProcess Start(string file, IEnumerable<string> arguments, IEnumerable<(string Name, string? Value)>? environment = null, string? folder = null)
    {
        var start = new ProcessStartInfo(file)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = folder ?? Path.GetTempPath(),
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment ?? [])
        {
            if (value is null)
            {
                start.Environment.Remove(name);
            }
            else
            {
                start.Environment[name] = value;
            }
        }

        var process = new Process { StartInfo = start, EnableRaisingEvents = true };
        var real = new RealProcess(process, $"{Path.GetFileName(file)} {string.Join(' ', start.ArgumentList)}");
        process.OutputDataReceived += (_, e) => real.Take(e.Data);
        process.ErrorDataReceived += (_, e) => real.Take(e.Data);
        if (!process.Start())
        {
            throw new InvalidOperationException($"{file} did not start.");
        }

        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _ = real.WatchAsync();
        return real;
    }

    /// <summary>Writes a line to its standard input.</summary>
    public async Task WriteLineAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>Ends its standard input.</summary>
    public void CloseInput() => _process.StandardInput.Close();

    /// <summary>The first line, printed already or yet to come, that contains <paramref name="text"/>.</summary>
    public Task<string> LineAsync(string text, TimeSpan? timeout = null) => LineAsync(text, line => line.Contains(text, StringComparison.Ordinal), timeout);

    /// <summary>The first line, printed already or yet to come, that matches; fails at once if the program ends without it.</summary>
    public async Task<string> LineAsync(string what, Func<string, bool> matches, TimeSpan? timeout = null)
    {
        TaskCompletionSource<string> found;
        lock (_gate)
        {
            if (_lines.Find(line => matches(line)) is { } there)
            {
                return there;
            }

            found = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add((matches, found));
        }

        try
        {
            var first = await Task.WhenAny(found.Task, _exited.Task).Soon(timeout ?? TestTimeout.Long, $"the line \"{what}\" of {_name}");
            if (first == found.Task || found.Task.IsCompleted)
            {
                return await found.Task;
            }
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\nIt printed:\n{Output}", e);
        }

        throw new InvalidOperationException($"{_name} ended with {_process.ExitCode} before it printed \"{what}\". It printed:\n{Output}");
    }

    /// <summary>Ctrl+C.</summary>
    public void SendInterrupt() => Signal(Interrupt);

    /// <summary>SIGTERM.</summary>
    public void SendTerminate() => Signal(Terminate);

    /// <summary>SIGKILL: no orderly end of any kind.</summary>
    public void Kill() => Signal(KillNow);

    /// <summary>SIGSTOP: it is there, and does nothing.</summary>
    public void Freeze() => Signal(StopNow);

    /// <summary>SIGCONT.</summary>
    public void Unfreeze() => Signal(GoOn);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_exited.Task.IsCompleted)
        {
            _process.Kill(entireProcessTree: true);
            await _exited.Task.Soon(what: $"the end of the killed {_name}");
        }

        _process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);

    private void Signal(int signal)
    {
        if (!_exited.Task.IsCompleted && SendSignal(_process.Id, signal) != 0)
        {
            throw new InvalidOperationException($"Signal {signal} could not be sent to {_name}: error {Marshal.GetLastPInvokeError()}.");
        }
    }

    private async Task WatchAsync()
    {
        await _process.WaitForExitAsync();
        _exited.TrySetResult();
    }

    private void Take(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_gate)
        {
            _lines.Add(line);
            foreach (var (matches, found) in _waiting)
            {
                if (matches(line))
                {
                    found.TrySetResult(line);
                }
            }
        }
    }
}
