using System.CommandLine;
using Duplexity.Cli.Pipes;

namespace Duplexity.Cli.Commands;

/// <summary><c>up [NAME=]RESOURCE…</c>: serves resources of this machine at public names.</summary>
internal static class UpCommand
{
    public static Command Create(Runner runner)
    {
        var resources = new Argument<string[]>("[NAME=]RESOURCE")
        {
            Description = "3000 · localhost:3000 · https://localhost:8443 · h2c://localhost:5000 (HTTP/2, gRPC) · tls://localhost:8443 (passed on unread) · tcp://localhost:22 · unix:/run/app.sock · ./folder; "
                + "NAME: cat1 · cat1.example.org · :7001 · cat1/api (a path of cat1) · none: one is made up. "
                + "Without any: the pipes of ./duplexity.json",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var hostHeader = new Option<string?>("--host-header")
        {
            Description = "keep (default) · resource · any name; dev servers that \"block this host\" want: resource",
            HelpName = "VALUE",
        };
        var visitors = Visitors();
        var noInspect = new Option<bool>("--no-inspect") { Description = "the server keeps nothing of what passes; without it, duplexity inspect shows the last exchanges, secrets left out" };
        var command = new Command("up", "serve RESOURCE at a public name") { resources, hostHeader, visitors, noInspect };
        var traffic = new TrafficFlags();
        traffic.AddTo(command);
        var later = new Option[]
        {
            new Option<bool>("--share") { Hidden = true },
            new Option<bool>("--private") { Hidden = true },
            new Option<string?>("--offline") { Hidden = true },
        };
        foreach (var option in later)
        {
            command.Add(option);
        }

        runner.Action(command, (run, parsed) =>
        {
            if (later.FirstOrDefault(o => parsed.GetResult(o) is { Implicit: false }) is { } unknown)
            {
                throw UsageException.NotYet(unknown.Name);
            }

            var header = parsed.GetValue(hostHeader) is { } value ? PipeSpec.HostHeaderOf(value) : null;
            return RunAsync(run, parsed.GetValue(resources) ?? [], header, VisitorWords.Of(parsed.GetValue(visitors)), traffic.Read(parsed), traffic.Strip(parsed), parsed.GetValue(noInspect));
        });
        return command;
    }

    /// <summary>Who may visit: a flag of all commands that serve.</summary>
    public static Option<string[]> Visitors() => new("--visitors")
    {
        Description = "who may visit, with commas or several times; one rule lets in: public (default where the server allows it) · signed-in · client:bob · room:team · lockspace:x · basic:USER[:PASSWORD] · "
            + "bearer · ip:NETWORK · link · granted",
        HelpName = "RULE",
    };

    private static async Task<int> RunAsync(Invocation run, string[] resources, string? header, IReadOnlyList<string>? visitors, PipeTraffic traffic, bool strip, bool noInspect)
    {
        if (resources.Length > 0)
        {
            return await PipeRun.ServeAsync(run, run.Server, [.. PathRoutes.Gather([.. resources.Select(PipeSpec.Parse)], strip).Select(Adjusted)]);
        }

        var project = await Project.LoadAsync(run, Adjusted);
        return await PipeRun.ServeAsync(run, project.Server, [.. project.File.Pipes.Select(Adjusted)], project);

        // What the command line says holds for every pipe, in the file's place too.
        PipeSpec Adjusted(PipeSpec spec) => spec with { HostHeader = header ?? spec.HostHeader, Visitors = visitors ?? spec.Visitors, Inspect = spec.Inspect && !noInspect, Traffic = (spec.Traffic ?? new()).With(traffic) };
    }
}
