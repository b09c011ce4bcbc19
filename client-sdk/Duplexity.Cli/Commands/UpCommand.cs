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
            Description = "3000 · localhost:3000 · https://localhost:8443 · h2c://localhost:5000 (HTTP/2, gRPC) · tls://localhost:8443 (passed on unread) · tcp://localhost:22 · unix:/run/app.sock · ./folder · room:orders; "
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
        var offline = new Option<string?>("--offline") { Description = "queue: POST, PUT, PATCH and DELETE are kept while this program is away, and replayed in order (refuse)", HelpName = "queue" };
        var reply = new Option<string?>("--reply") { Description = "for a channel: wait so long for an answer to the message, which is the response (no answer: 202 at once)", HelpName = "10s" };
        var command = new Command("up", "serve RESOURCE at a public name") { resources, hostHeader, visitors, offline, reply };
        var traffic = new TrafficFlags();
        traffic.AddTo(command);
        var later = new Option[]
        {
            new Option<bool>("--share") { Hidden = true },
            new Option<bool>("--private") { Hidden = true },
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
            var rules = VisitorWords.Of(parsed.GetValue(visitors));
            var away = parsed.GetValue(offline) is { } word ? PipeSpec.OfflineOf(word) : (PipeOffline?)null;
            var wait = parsed.GetValue(reply) is { } text ? PipeSpec.ReplyOf(text) : (TimeSpan?)null;
            var passing = traffic.Read(parsed);
            return RunAsync(run, parsed.GetValue(resources) ?? [], traffic.Strip(parsed), spec => spec with
            {
                HostHeader = header ?? spec.HostHeader,
                Visitors = rules ?? spec.Visitors,
                Offline = away ?? spec.Offline,
                Reply = wait ?? spec.Reply,
                Traffic = (spec.Traffic ?? new()).With(passing),
            });
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

    /// <param name="run">The invocation.</param>
    /// <param name="resources">What was typed; none: the pipes of the file.</param>
    /// <param name="strip">Whether paths are taken off.</param>
    /// <param name="adjusted">A pipe with what the command line says of all pipes, those of the file too.</param>
    private static async Task<int> RunAsync(Invocation run, string[] resources, bool strip, Func<PipeSpec, PipeSpec> adjusted)
    {
        if (resources.Length > 0)
        {
            return await PipeRun.ServeAsync(run, run.Server, [.. PathRoutes.Gather([.. resources.Select(PipeSpec.Parse)], strip).Select(adjusted)]);
        }

        var project = await Project.LoadAsync(run, adjusted);
        return await PipeRun.ServeAsync(run, project.Server, [.. project.File.Pipes.Select(adjusted)], project);
    }
}
