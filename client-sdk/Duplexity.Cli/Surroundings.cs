using Duplexity.Cli.Settings;

namespace Duplexity.Cli;

/// <summary>What a command finds around itself: the terminal, the environment, the working folder and the clock. Tests bring their own.</summary>
internal sealed record Surroundings(Terminal Terminal, Func<string, string?> Environment, string Folder, TimeProvider Time)
{
    /// <summary>Those of this process.</summary>
    public static Surroundings OfProcess() =>
        new(Terminal.OfProcess(), System.Environment.GetEnvironmentVariable, Directory.GetCurrentDirectory(), TimeProvider.System);

    /// <summary>What the command line remembers, read now.</summary>
    public SignIns SignIns() => Settings.SignIns.Load(Settings.SignIns.Folder(Environment));
}
