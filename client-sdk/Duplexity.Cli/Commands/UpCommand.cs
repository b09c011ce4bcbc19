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
            Description = "3000 · localhost:3000 · https://localhost:8443 · tcp://localhost:22 · unix:/run/app.sock · room:orders; NAME: cat1 · cat1.example.org · :7001 · none: one is made up. "
                + "Without any: the pipes of ./duplexity.json",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var hostHeader = new Option<string?>("--host-header")
        {
            Description = "keep (default) · resource · any name; dev servers that \"block this host\" want: resource",
            HelpName = "VALUE",
        };
        var visitors = new Option<string?>("--visitors") { Description = "public; other rules come later", HelpName = "RULE" };
        var offline = new Option<string?>("--offline") { Description = "queue: POST, PUT, PATCH and DELETE are kept while this program is away, and replayed in order (refuse)", HelpName = "queue" };
        var reply = new Option<string?>("--reply") { Description = "for a channel: wait so long for an answer to the message, which is the response (no answer: 202 at once)", HelpName = "10s" };
        var command = new Command("up", "serve RESOURCE at a public name") { resources, hostHeader, visitors, offline, reply };
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

            if (parsed.GetValue(visitors) is { } rule && rule != "public")
            {
                throw UsageException.NotYet($"--visitors {rule}");
            }

            var header = parsed.GetValue(hostHeader) is { } value ? PipeSpec.HostHeaderOf(value) : null;
            var away = parsed.GetValue(offline) is { } word ? PipeSpec.OfflineOf(word) : (PipeOffline?)null;
            var wait = parsed.GetValue(reply) is { } text ? PipeSpec.ReplyOf(text) : (TimeSpan?)null;
            return RunAsync(run, parsed.GetValue(resources) ?? [], s => s with { HostHeader = header ?? s.HostHeader, Offline = away ?? s.Offline, Reply = wait ?? s.Reply });
        });
        return command;
    }

    private static async Task<int> RunAsync(Invocation run, string[] resources, Func<PipeSpec, PipeSpec> options)
    {
        var (server, specs) = resources.Length > 0
            ? (run.Server, [.. resources.Select(PipeSpec.Parse)])
            : await FromFileAsync(run);
        return await PipeRun.ServeAsync(run, server, [.. specs.Select(options)]);
    }

    private static async Task<(Uri Server, IReadOnlyList<PipeSpec> Pipes)> FromFileAsync(Invocation run)
    {
        var file = ProjectFile.Load(run.Around.Folder);
        foreach (var risk in file.Risks(run.Server, serverIsNamed: run.NamedServer is not null))
        {
            await ConfirmAsync(run, file, risk);
        }

        return (run.NamedServer is null && file.Server is { } server ? Settings.ServerChoice.Parse(server) : run.Server, file.Pipes);
    }

    private static async Task ConfirmAsync(Invocation run, ProjectFile file, string risk)
    {
        if (run.SignIns.IsConfirmed(file.Path, risk))
        {
            return;
        }

        if (!run.Terminal.Interactive)
        {
            throw new UsageException($"{ProjectFile.FileName} wants to {risk}; run duplexity up once at a terminal to confirm it.");
        }

        run.Terminal.Note($"{file.Path} wants to {risk}. Allow it from now on? [y/N]");
        if (await run.Terminal.ReadLineAsync(run.Cancel) is not ("y" or "Y" or "yes"))
        {
            throw new UsageException($"{ProjectFile.FileName} was not followed.");
        }

        run.SignIns.Confirm(file.Path, risk);
    }
}
