using System.CommandLine;
using System.Globalization;
using Duplexity.Cli.Pipes;

namespace Duplexity.Cli.Commands;

/// <summary><c>tcp RESOURCE [--port N]</c>: the same as <c>up :N=tcp://RESOURCE</c>.</summary>
internal static class TcpCommand
{
    public static Command Create(Runner runner)
    {
        var resource = new Argument<string>("RESOURCE") { Description = "22 · localhost:22 · tcp://localhost:22" };
        var port = new Option<int?>("--port") { Description = "the public port; without it the server takes a free one", HelpName = "N" };
        var visitors = UpCommand.Visitors();
        var command = new Command("tcp", "serve RESOURCE at a public TCP port") { resource, port, visitors };
        runner.Action(command, (run, parsed) =>
        {
            var name = parsed.GetValue(port) is { } number ? string.Create(CultureInfo.InvariantCulture, $":{number}") : ":";
            return PipeRun.ServeAsync(run, run.Server, [PipeSpec.Of(name, parsed.GetRequiredValue(resource)) with { Visitors = VisitorWords.Of(parsed.GetValue(visitors)) }]);
        });
        return command;
    }
}
