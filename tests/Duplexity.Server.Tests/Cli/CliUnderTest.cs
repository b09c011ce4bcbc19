using Duplexity.Cli;

namespace Duplexity.Server.Tests.Cli;

/// <summary>The command line in this process, with a folder, an environment and a terminal of its own.</summary>
internal sealed class CliUnderTest : IDisposable
{
    private readonly StringWriter _output = new();
    private readonly StringWriter _error = new();

    public Dictionary<string, string> Environment { get; } = [];

    public string Folder { get; } = Directory.CreateTempSubdirectory("duplexity-cli-").FullName;

    public string[] Output => Lines(_output);

    public string[] Error => Lines(_error);

    public Surroundings Around(string input = "", bool interactive = false)
    {
        Environment.TryAdd("XDG_CONFIG_HOME", Path.Combine(Folder, "config"));
        return new Surroundings(new Terminal(new StringReader(input), _output, _error, interactive), Environment.GetValueOrDefault, Folder, TimeProvider.System);
    }

    public Task<int> RunAsync(params string[] args) => new CommandLine(Around()).RunAsync(args, CancellationToken.None);

    public Task<int> RunAtTerminalAsync(string input, params string[] args) => new CommandLine(Around(input, interactive: true)).RunAsync(args, CancellationToken.None);

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static string[] Lines(StringWriter writer) => writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
