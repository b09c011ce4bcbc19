using Duplexity.Testing;

namespace Duplexity.EndToEnd.Tests.Real;

/// <summary>The real command line as a process of its own, against a node inside the test's process.</summary>
public static class CliProcess
{
    /// <summary>Runs <c>duplexity ARGUMENTS…</c> as <paramref name="client"/>, with a ready-made token and in folders of its own.</summary>
    public static RealProcess Start(TestNode node, string client, params string[] arguments) => Start(node.Address, node.Token(client), arguments);

    /// <summary>Runs <c>duplexity ARGUMENTS…</c> against a server, with a ready-made token and in folders of its own.</summary>
    public static RealProcess Start(Uri server, string token, params string[] arguments)
    {
        var home = Directory.CreateTempSubdirectory("duplexity-home-").FullName;
        return RealProcess.Start(
            ProcessTools.DotNet,
            [ProcessTools.Built("client-sdk/Duplexity.Cli", "duplexity.dll"), .. arguments],
            [
                ("HOME", home), ("XDG_STATE_HOME", Path.Combine(home, "state")), ("XDG_CONFIG_HOME", Path.Combine(home, "config")),
                ("DUPLEXITY_SERVER", server.ToString()), ("DUPLEXITY_AS", null), ("DUPLEXITY_TOKEN", token), ("DOTNET_NOLOGO", "1"),
            ],
            home);
    }
}
