using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Duplexity.Cli;

/// <summary>A program that this one runs, with the same terminal.</summary>
internal sealed class Child : IDisposable
{
    private const int Terminate = 15;

    /// <summary>How long a program that is told to end may take; shorter than the own orderly stop.</summary>
    private static readonly TimeSpan Orderly = TimeSpan.FromSeconds(10);

    private readonly Process _process;

    private Child(Process process) => _process = process;

    /// <summary>Starts a program.</summary>
    /// <param name="words">Its name and arguments.</param>
    /// <param name="variables">What its environment has beside our own.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">There is no such program.</exception>
    public static Child Start(string[] words, params (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo(words[0], words[1..]) { UseShellExecute = false };
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        return new Child(Process.Start(start)!);
    }

    /// <summary>Its exit code. Once <paramref name="end"/> is cancelled it is told to end, and ended if it does not.</summary>
    public async Task<int> RunAsync(CancellationToken end, TimeProvider time)
    {
        try
        {
            await _process.WaitForExitAsync(end);
        }
        catch (OperationCanceledException)
        {
            Tell();
            try
            {
                await _process.WaitForExitAsync(CancellationToken.None).WaitAsync(Orderly, time, CancellationToken.None);
            }
            catch (TimeoutException)
            {
                _process.Kill(entireProcessTree: true);
                await _process.WaitForExitAsync(CancellationToken.None);
            }
        }

        return _process.ExitCode;
    }

    public void Dispose() => _process.Dispose();

    private void Tell()
    {
        if (OperatingSystem.IsWindows())
        {
            // There is no gentler way there.
            _process.Kill(entireProcessTree: true);
        }
        else if (!_process.HasExited)
        {
            _ = SendSignal(_process.Id, Terminate);
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int pid, int signal);
}
