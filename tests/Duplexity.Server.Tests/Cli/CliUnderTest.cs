using Duplexity.Cli;
using Duplexity.Testing;

namespace Duplexity.Server.Tests.Cli;

/// <summary>The command line in this process, with a folder, an environment and a terminal of its own.</summary>
internal sealed class CliUnderTest : IDisposable
{
    private readonly CancellationTokenSource _interrupt = new();

    public CliUnderTest() => Environment["XDG_CONFIG_HOME"] = Path.Combine(Folder, "config");

    /// <summary>The command line of <paramref name="client"/> at <paramref name="node"/>.</summary>
    public CliUnderTest(TestNode node, string client)
        : this()
    {
        Environment["DUPLEXITY_SERVER"] = node.Address.AbsoluteUri;
        Environment["DUPLEXITY_TOKEN"] = node.Token(client);
    }

    public Dictionary<string, string> Environment { get; } = [];

    public string Folder { get; } = Directory.CreateTempSubdirectory("duplexity-cli-").FullName;

    public TypedInput Input { get; } = new();

    public LineWriter Out { get; } = new();

    public LineWriter Err { get; } = new();

    public string[] Output => Out.Lines;

    public string[] Error => Err.Lines;

    public Task<int> RunAsync(params string[] args) => Start(interactive: false, args);

    public Task<int> RunAtTerminalAsync(string input, params string[] args)
    {
        Input.Type(input);
        return Start(interactive: true, args);
    }

    /// <summary>Presses Ctrl+C.</summary>
    public void Interrupt() => _interrupt.Cancel();

    public void Dispose()
    {
        Input.End();
        _interrupt.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private Task<int> Start(bool interactive, string[] args) =>
        new CommandLine(new Surroundings(new Terminal(Input, Out, Err, interactive), Environment.GetValueOrDefault, Folder, TimeProvider.System)).RunAsync(args, _interrupt.Token);
}
