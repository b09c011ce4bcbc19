using Duplexity.Testing;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>httpbin under gunicorn, both as Debian packages them: a web application that tells what it was asked, and answers in every way that there is.</summary>
public sealed class Httpbin : IAsyncDisposable
{
    private readonly RealProcess _process;

    private Httpbin(RealProcess process, int port) => (_process, Port) = (process, port);

    /// <summary>The port.</summary>
    public int Port { get; }

    /// <summary>Starts it.</summary>
    public static async Task<Httpbin> StartAsync()
    {
        var port = FreePorts.One();
        var process = RealProcess.Start(
            ProcessTools.SystemPython, ["-m", "gunicorn", "--bind", $"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "8", "--keep-alive", "60", "httpbin:app"]);
        await process.LineAsync("Booting worker");
        return new Httpbin(process, port);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
