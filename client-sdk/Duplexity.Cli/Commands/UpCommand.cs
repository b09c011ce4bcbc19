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
        var noInspect = new Option<bool>("--no-inspect") { Description = "the server keeps nothing of what passes; without it, duplexity inspect shows the last exchanges, secrets left out" };
        var share = new Option<bool>("--share") { Description = "serve together with your other programs of this name; otherwise the newer one takes over" };
        var sticky = new Option<bool>("--sticky") { Description = "with --share: a visitor stays with the program that served it first" };
        var health = new Option<string?>("--health") { Description = "with --share: a path such as /healthz; whose resource does not answer it below 400 is passed over until it does", HelpName = "PATH" };
        var isPrivate = new Option<bool>("--private") { Description = "no public name; reachable with dial only, by you and by --visitors signed-in or client:bob" };
        var offline = new Option<string?>("--offline") { Description = "queue: POST, PUT, PATCH and DELETE are kept while this program is away, and replayed in order (refuse)", HelpName = "queue" };
        var reply = new Option<string?>("--reply") { Description = "for a channel: wait so long for an answer to the message, which is the response (no answer: 202 at once)", HelpName = "10s" };
        var command = new Command("up", "serve RESOURCE at a public name") { resources, hostHeader, visitors, share, sticky, health, isPrivate, noInspect, offline, reply };
        var traffic = new TrafficFlags();
        traffic.AddTo(command);

        runner.Action(command, (run, parsed) =>
        {
            var header = parsed.GetValue(hostHeader) is { } value ? PipeSpec.HostHeaderOf(value) : null;
            var away = parsed.GetValue(offline) is { } word ? PipeSpec.OfflineOf(word) : (PipeOffline?)null;
            var wait = parsed.GetValue(reply) is { } text ? PipeSpec.ReplyOf(text) : (TimeSpan?)null;
            var (rules, flags) = (VisitorWords.Of(parsed.GetValue(visitors)), traffic.Read(parsed));
            var typed = (parsed.GetValue(resources) ?? []).Select(r => PipeSpec.Parse(r, parsed.GetValue(isPrivate))).ToArray();
            if (typed.Length == 0 && parsed.GetValue(isPrivate))
            {
                throw new UsageException($"--private goes with [NAME=]RESOURCE; in {ProjectFile.FileName} a pipe says \"private\": true.");
            }

            // What the command line says holds for every pipe, in the file's place too.
            return RunAsync(run, PathRoutes.Gather(typed, traffic.Strip(parsed)), spec => spec with
            {
                HostHeader = header ?? spec.HostHeader,
                Visitors = rules ?? spec.Visitors,
                Share = parsed.GetValue(share) || spec.Share,
                Sticky = parsed.GetValue(sticky) || spec.Sticky,
                Health = parsed.GetValue(health) ?? spec.Health,
                Inspect = spec.Inspect && !parsed.GetValue(noInspect),
                Offline = away ?? spec.Offline,
                Reply = wait ?? spec.Reply,
                Traffic = (spec.Traffic ?? new()).With(flags),
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

    private static async Task<int> RunAsync(Invocation run, IReadOnlyList<PipeSpec> typed, Func<PipeSpec, PipeSpec> adjusted)
    {
        if (typed.Count > 0)
        {
            return await PipeRun.ServeAsync(run, run.Server, [.. typed.Select(adjusted)]);
        }

        var project = await Project.LoadAsync(run, adjusted);
        return await PipeRun.ServeAsync(run, project.Server, [.. project.File.Pipes.Select(adjusted)], project);
    }
}
