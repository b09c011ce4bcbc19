namespace Duplexity.Cli.Pipes;

/// <summary>
/// Tells of changes of <c>duplexity.json</c> while <c>up</c> runs. It reads the file twice a second rather than ask the system for events: those miss what happens on network and container mounts and
/// after an editor's rename, and are few on a machine that watches much; a file of a few KB costs nothing to read.
/// </summary>
internal sealed class ProjectWatch(ProjectFile file, TimeProvider time)
{
    /// <summary>How often it is read; a changed file counts when two readings agree, for an editor may be in the middle of it.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    private string? _known = file.Text;

    /// <summary>The next state of the file that differs from the last one told.</summary>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/>.</exception>
    public async Task<ProjectChange> NextAsync(CancellationToken ct)
    {
        var seen = _known;
        while (true)
        {
            await Task.Delay(Interval, time, ct);
            var (text, problem) = Read();
            if (text != _known && text == seen)
            {
                _known = text;
                return Of(text, problem);
            }

            seen = text;
        }
    }

    // Null stands for a file that is not there or cannot be read: that is a state like any other, told once.
    private (string? Text, string? Problem) Read()
    {
        try
        {
            return (ProjectFile.Read(file.Path), null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or UsageException)
        {
            return (null, e is FileNotFoundException ? $"{ProjectFile.FileName} is gone." : e.Message);
        }
    }

    private ProjectChange Of(string? text, string? problem)
    {
        try
        {
            return text is null ? new(null, problem) : new(ProjectFile.Parse(file.Path, text), null);
        }
        catch (UsageException e)
        {
            return new(null, e.Message);
        }
    }
}

/// <summary>The file as it is now, or what is wrong with it.</summary>
internal sealed record ProjectChange(ProjectFile? File, string? Problem);
