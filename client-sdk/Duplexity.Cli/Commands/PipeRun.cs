using Duplexity.Cli.Folders;
using Duplexity.Cli.Output;
using Duplexity.Cli.Pipes;

namespace Duplexity.Cli.Commands;

/// <summary>Serves pipes until they are over: what <c>up</c> and <c>tcp</c> share.</summary>
internal sealed class PipeRun
{
    private readonly Invocation _run;
    private readonly DuplexityConnection _connection;
    private readonly ServedFolders _folders;
    private readonly IPipeView _view;
    private readonly Dictionary<string, ServedPipe> _served = new(StringComparer.Ordinal);

    private PipeRun(Invocation run, DuplexityConnection connection, ServedFolders folders, int count)
    {
        (_run, _connection, _folders) = (run, connection, folders);
        _view = run is { Json: false, Terminal.CanDraw: true } ? new LiveView(run, connection) : new PlainView(run, count > 1);
    }

    /// <summary>Serves <paramref name="asked"/>, all or none; with <paramref name="project"/>, as its file says from then on.</summary>
    public static async Task<int> ServeAsync(Invocation run, Uri server, IReadOnlyList<PipeSpec> asked, Project? project = null)
    {
        await using var folders = new ServedFolders(run.Around.Folder);
        var specs = await folders.OpenAsync(asked);
        await using var connection = await run.CreateConnectionAsync(server);
        var serving = new PipeRun(run, connection, folders, specs.Count);
        var pipes = specs.Select(s => connection.Pipes.Declare(s.Name, s.Resource, s.ToOptions(serving.TellPassword))).ToArray();
        await connection.ConnectAsync(run.Cancel);
        for (var i = 0; i < pipes.Length; i++)
        {
            serving.Begin(specs[i], specs[i].Name ?? $"({i})", pipes[i], project?.File);
        }

        DuplexityError? over = null;
        await run.WhileOpenAsync(connection, async stop =>
        {
            using var drawing = CancellationTokenSource.CreateLinkedTokenSource(stop);
            var view = serving._view.RunAsync(serving.Served, drawing.Token);
            try
            {
                over = await serving.WatchAsync(project, stop);
            }
            finally
            {
                await drawing.CancelAsync();
                await view.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        });
        return over is null ? ExitCode.Done : ExitCode.Of(over.Code);
    }

    private void TellPassword(string user, string password)
    {
        if (_run.Json)
        {
            _run.Terminal.Line(JsonLine.Of(new { Event = "password", User = user, Password = password }));
        }
        else
        {
            _run.Terminal.Note($"password of {user}: {password} (shown once; name one with basic:{user}:PASSWORD)");
        }
    }

    private ServedPipe[] Served()
    {
        lock (_served)
        {
            return [.. _served.Values];
        }
    }

    private void Begin(PipeSpec spec, string key, Pipe pipe, ProjectFile? file)
    {
        var served = new ServedPipe(pipe, file?.Written[key]).Begin(_view.Exchange);
        lock (_served)
        {
            _served[key] = served;
        }

        _run.Result(new { Event = "ready", pipe.Name, pipe.Url, pipe.Resource }, spec.Private ? $"ready {pipe.Name} (private: duplexity dial {pipe.Name})" : $"ready {pipe.Url}");
    }

    /// <summary>Until nothing is served any more; the result is why the last of it ended.</summary>
    private async Task<DuplexityError?> WatchAsync(Project? project, CancellationToken stop)
    {
        DuplexityError? last = null;
        var change = project?.NextAsync(stop);
        while (Served() is { Length: > 0 } served)
        {
            Task[] ends = [.. served.Select(s => s.Over)];
            await Task.WhenAny(change is null ? ends : [change, .. ends]).WaitAsync(stop);
            if (change?.IsCompleted == true)
            {
                await FollowAsync(project!, await change);
                change = project!.NextAsync(stop);
            }

            last = await ForgetEndedAsync() ?? last;
        }

        return last;
    }

    private async Task<DuplexityError?> ForgetEndedAsync()
    {
        DuplexityError? last = null;
        foreach (var (key, served) in _served.Where(s => s.Value.Over.IsCompleted).ToArray())
        {
            lock (_served)
            {
                _served.Remove(key);
            }

            if (await served.Over is { } error)
            {
                _run.Terminal.Fail($"{served.Pipe.Name} is no longer served: {error.Sentence}");
                last = error;
            }
        }

        return last;
    }

    private async Task FollowAsync(Project project, ProjectChange changed)
    {
        using (_view.Pause())
        {
            if (await project.AcceptAsync(changed) is { } problem)
            {
                _run.Terminal.Note($"{problem} What was served is served on.");
                return;
            }
        }

        var file = changed.File!;
        foreach (var spec in file.Pipes)
        {
            await TryAsync(spec.Name!, () => FollowAsync(spec.Name!, project.Adjusted(spec), file));
        }

        // Last, so that a machine whose file was rewritten never serves nothing in between.
        foreach (var (key, served) in _served.Where(s => !file.Written.ContainsKey(s.Key)).ToArray())
        {
            lock (_served)
            {
                _served.Remove(key);
            }

            await served.Pipe.DisposeAsync();
            _run.Result(new { Event = "removed", served.Pipe.Name }, $"removed {served.Pipe.Url}");
        }
    }

    private async Task FollowAsync(string key, PipeSpec spec, ProjectFile file)
    {
        if (_served.TryGetValue(key, out var there) && !there.Over.IsCompleted && there.IsAsWritten(file.Written[key]))
        {
            return;
        }

        spec = (await _folders.OpenAsync([spec]))[0];
        if (!_served.TryGetValue(key, out var served) || served.Over.IsCompleted)
        {
            Begin(spec, key, await _connection.Pipes.OpenAsync(spec.Name, spec.Resource, spec.ToOptions(TellPassword), _run.Cancel), file);
        }
        else
        {
            Begin(spec, key, await served.Pipe.ChangeAsync(spec.Resource, spec.ToOptions(TellPassword)), file);
        }
    }

    // One that is refused keeps nobody else from being served.
    private async Task TryAsync(string name, Func<Task> follow)
    {
        try
        {
            await follow();
        }
        catch (Exception e) when (e is DuplexityException or FormatException or InvalidOperationException)
        {
            _run.Terminal.Fail($"{ProjectFile.FileName}: {name} is as it was: {e.Message}");
        }
    }
}
