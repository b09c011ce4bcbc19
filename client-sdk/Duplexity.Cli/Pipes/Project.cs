namespace Duplexity.Cli.Pipes;

/// <summary>The project whose <c>duplexity.json</c> an <c>up</c> follows: what of the file is followed, and what a person is asked first.</summary>
internal sealed class Project
{
    private readonly Invocation _run;
    private readonly Func<PipeSpec, PipeSpec> _adjust;
    private readonly ProjectWatch _watch;

    private Project(Invocation run, ProjectFile file, Func<PipeSpec, PipeSpec> adjust)
    {
        (_run, File, _adjust) = (run, file, adjust);
        _watch = new ProjectWatch(file, run.Around.Time);
        Server = ServerOf(file);
    }

    /// <summary>The file as it was when it was first read.</summary>
    public ProjectFile File { get; }

    /// <summary>The server that its pipes are served at.</summary>
    public Uri Server { get; }

    /// <summary>Reads the file of the working folder, and asks for what it wants beyond the ordinary.</summary>
    /// <param name="run">The command.</param>
    /// <param name="adjust">What the command line says of every pipe.</param>
    /// <exception cref="UsageException">It is not there, is wrong, or was not confirmed.</exception>
    public static async Task<Project> LoadAsync(Invocation run, Func<PipeSpec, PipeSpec> adjust)
    {
        var project = new Project(run, ProjectFile.Load(run.Around.Folder), adjust);
        await project.ConfirmAsync(project.File);
        return project;
    }

    /// <summary>The next state of the file.</summary>
    public Task<ProjectChange> NextAsync(CancellationToken ct) => _watch.NextAsync(ct);

    /// <summary>A pipe of the file with what the command line says.</summary>
    public PipeSpec Adjusted(PipeSpec spec) => _adjust(spec);

    /// <summary>Whether a new state of the file is followed; what is new and risky in it is asked first. Null: it is; else why not, in a sentence.</summary>
    public async Task<string?> AcceptAsync(ProjectChange change)
    {
        if (change.File is not { } file)
        {
            return change.Problem;
        }

        try
        {
            if (ServerOf(file) != Server)
            {
                return $"{ProjectFile.FileName} names another server; that one is used when duplexity up is started again.";
            }

            await ConfirmAsync(file);
            return null;
        }
        catch (UsageException e)
        {
            return e.Message;
        }
    }

    private Uri ServerOf(ProjectFile file) => _run.NamedServer is null && file.Server is { } server ? Settings.ServerChoice.Parse(server) : _run.Server;

    private async Task ConfirmAsync(ProjectFile file)
    {
        foreach (var risk in file.Risks(_run.Server, serverIsNamed: _run.NamedServer is not null))
        {
            if (_run.SignIns.IsConfirmed(file.Path, risk))
            {
                continue;
            }

            if (!_run.Terminal.Interactive)
            {
                throw new UsageException($"{ProjectFile.FileName} wants to {risk}; run duplexity up once at a terminal to confirm it.");
            }

            _run.Terminal.Note($"{file.Path} wants to {risk}. Allow it from now on? [y/N]");
            if (await _run.Terminal.ReadLineAsync(_run.Cancel) is not ("y" or "Y" or "yes"))
            {
                throw new UsageException($"{ProjectFile.FileName} was not followed.");
            }

            _run.SignIns.Confirm(file.Path, risk);
        }
    }
}
