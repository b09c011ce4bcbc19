using System.CommandLine;
using Duplexity.Cli.Output;

namespace Duplexity.Cli.Commands;

/// <summary><c>node list|drain</c>: the nodes of a cluster, for administrators.</summary>
internal static class NodeCommand
{
    public static Command Create(Runner runner) => new("node", "the nodes of the service; for administrators") { List(runner), Drain(runner) };

    private static Command List(Runner runner)
    {
        var list = new Command("list", "which nodes serve, and how much each has to do");
        runner.Action(list, async (run, _) =>
        {
            var nodes = (await Asking.AskAsync(run, HttpMethod.Get, "api/nodes", null)).GetProperty("nodes").EnumerateArray().ToArray();
            run.Results(nodes, ["NAME", "VERSION", "SINCE", "SOCKETS", "SESSIONS", "VISITORS", "STATE"], node =>
            [
                node.GetProperty("name").GetString()!, node.GetProperty("version").GetString()!, Moment.Text(node.GetProperty("since").GetInt64(), run.Around.Time),
                node.GetProperty("sockets").ToString(), node.GetProperty("sessions").ToString(), node.GetProperty("visitors").ToString(),
                node.GetProperty("isDraining").GetBoolean() ? "draining" : "ready",
            ]);
            return ExitCode.Done;
        });
        return list;
    }

    private static Command Drain(Runner runner)
    {
        var name = new Argument<string>("NODE") { Description = "its name, as node list shows it" };
        var drain = new Command("drain", "send a node's clients to the others before it is stopped; nobody new comes to it until it is started again") { name };
        runner.Action(drain, async (run, parsed) =>
        {
            var node = parsed.GetValue(name)!;
            await Asking.AskAsync(run, HttpMethod.Post, $"api/nodes/{Uri.EscapeDataString(node)}/drain", null);
            run.Terminal.Note($"{node} is being emptied; duplexity node list shows how far it is");
            return ExitCode.Done;
        });
        return drain;
    }
}
