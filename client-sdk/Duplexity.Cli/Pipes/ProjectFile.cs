using System.Text.Json;
using System.Text.Json.Serialization;

namespace Duplexity.Cli.Pipes;

/// <summary>
/// <c>duplexity.json</c>: the pipes of a project, and the server they belong to. It may come with a cloned repository; <see cref="Risks"/> is what a person
/// confirms before it is followed (G25).
/// </summary>
/// <param name="Path">Where it is.</param>
/// <param name="Server">The server that it names; null: none.</param>
/// <param name="Pipes">Its pipes.</param>
/// <param name="Written">What stands in the file under each pipe's name: by this a change is told.</param>
/// <param name="Text">All of it.</param>
internal sealed record ProjectFile(string Path, string? Server, IReadOnlyList<PipeSpec> Pipes, IReadOnlyDictionary<string, JsonElement> Written, string Text)
{
    public const string FileName = "duplexity.json";

    public const string Shape = "expected {\"server\": URL, \"pipes\": {\"cat1\": \"3000\", \"shop\": {\"resource\": \"localhost:8080\", \"hostHeader\": \"resource\", \"visitors\": \"signed-in\", \"routes\": {\"/v2\": \"8081\"}}}}";

    // A file of pipes is small; a larger one is not ours.
    private const int MaxBytes = 64 * 1024;

    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Reads the file in <paramref name="folder"/>.</summary>
    /// <exception cref="UsageException">It is not there, or not as it should be.</exception>
    public static ProjectFile Load(string folder)
    {
        var path = System.IO.Path.Combine(folder, FileName);
        return File.Exists(path) ? Parse(path, Read(path)) : throw new UsageException($"Nothing to serve: write up [NAME=]RESOURCE…, or put the pipes into ./{FileName}.");
    }

    /// <summary>The file's text.</summary>
    /// <exception cref="UsageException">It is too large to be one of ours.</exception>
    public static string Read(string path) => new FileInfo(path).Length <= MaxBytes
        ? File.ReadAllText(path)
        : throw new UsageException($"./{FileName} is larger than {MaxBytes / 1024} KB.");

    /// <summary>Reads the file's text.</summary>
    public static ProjectFile Parse(string path, string text)
    {
        Content? content;
        try
        {
            content = JsonSerializer.Deserialize<Content>(text, Json);
        }
        catch (JsonException e)
        {
            throw new UsageException($"{FileName} cannot be read at {e.Path ?? "$"}: {Shape}.");
        }

        return content?.Pipes is { Count: > 0 } pipes
            ? new ProjectFile(path, content.Server, [.. pipes.Select(p => ProjectPipe.Read(p.Key, p.Value).ToSpec(p.Key))], pipes, text)
            : throw new UsageException($"{FileName} has no pipes: {Shape}.");
    }

    /// <summary>What the file asks for beyond serving this machine's ports on the user's own server; each is confirmed once.</summary>
    /// <param name="server">The server that would be used if the file named none.</param>
    /// <param name="serverIsNamed">Whether the user named that server for this run; then the file's is not used at all.</param>
    public IEnumerable<string> Risks(Uri server, bool serverIsNamed)
    {
        if (!serverIsNamed && Server is not null && Settings.ServerChoice.Parse(Server) is var named && named != server)
        {
            yield return $"use the server {named.AbsoluteUri}";
        }

        // Beyond the rule's server and folder: a socket such as a container engine's, served to the public, gives the machine away.
        var project = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))! + System.IO.Path.DirectorySeparatorChar;
        foreach (var folder in Resources.Where(r => r.StartsWith(PipeSpec.Folder, StringComparison.Ordinal)))
        {
            var whole = System.IO.Path.GetFullPath(folder[PipeSpec.Folder.Length..], project);
            if (!(whole + System.IO.Path.DirectorySeparatorChar).StartsWith(project, StringComparison.Ordinal))
            {
                yield return $"serve the folder {whole}, which is outside the project";
            }
        }

        foreach (var socket in Resources.Where(r => r.StartsWith("unix:", StringComparison.Ordinal)))
        {
            if (!System.IO.Path.GetFullPath(socket["unix:".Length..]).StartsWith(project, StringComparison.Ordinal))
            {
                yield return $"serve {socket}, which is outside the project";
            }
        }
    }

    private IEnumerable<string> Resources => Pipes.SelectMany(p => (p.Traffic?.Routes ?? []).Select(r => r.Resource!).Prepend(p.Resource));

    private sealed record Content(string? Server, Dictionary<string, JsonElement>? Pipes, [property: JsonPropertyName("$schema")] string? Schema);
}
