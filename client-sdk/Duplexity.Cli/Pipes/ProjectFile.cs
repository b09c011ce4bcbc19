using System.Text.Json;
using System.Text.Json.Serialization;

namespace Duplexity.Cli.Pipes;

/// <summary>
/// <c>duplexity.json</c>: the pipes of a project, and the server they belong to. It may come with a cloned repository; <see cref="Risks"/> is what a person
/// confirms before it is followed (G25).
/// </summary>
internal sealed record ProjectFile(string Path, string? Server, IReadOnlyList<PipeSpec> Pipes)
{
    public const string FileName = "duplexity.json";

    private const string Shape = "expected {\"server\": URL, \"pipes\": {\"cat1\": \"3000\", \"api\": {\"resource\": \"localhost:8080\", \"hostHeader\": \"resource\"}}}";

    // A file of pipes is small; a larger one is not ours.
    private const int MaxBytes = 64 * 1024;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
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
        if (!File.Exists(path))
        {
            throw new UsageException($"Nothing to serve: write up [NAME=]RESOURCE…, or put the pipes into ./{FileName}.");
        }

        if (new FileInfo(path).Length > MaxBytes)
        {
            throw new UsageException($"./{FileName} is larger than {MaxBytes / 1024} KB.");
        }

        return Parse(path, File.ReadAllText(path));
    }

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
            ? new ProjectFile(path, content.Server, [.. pipes.Select(p => Spec(p.Key, p.Value))])
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
        foreach (var socket in Pipes.Select(p => p.Resource).Where(r => r.StartsWith("unix:", StringComparison.Ordinal)))
        {
            if (!System.IO.Path.GetFullPath(socket["unix:".Length..]).StartsWith(project, StringComparison.Ordinal))
            {
                yield return $"serve {socket}, which is outside the project";
            }
        }
    }

    private static PipeSpec Spec(string name, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                return PipeSpec.Of(name, value.GetString()!);
            case JsonValueKind.Object:
                var entry = Entry(name, value);
                var spec = PipeSpec.Of(name, entry.Resource ?? throw new UsageException($"{FileName}: the pipe \"{name}\" has no resource; {Shape}."));
                return spec with
                {
                    HostHeader = entry.HostHeader is { } header ? PipeSpec.HostHeaderOf(header) : null,
                    Offline = entry.Offline is { } word ? PipeSpec.OfflineOf(word) : PipeOffline.Refuse,
                    Reply = entry.Reply is { } wait ? PipeSpec.ReplyOf(wait) : null,
                };
            default:
                throw new UsageException($"{FileName}: the pipe \"{name}\" is neither text nor an object; {Shape}.");
        }
    }

    private static PipeEntry Entry(string name, JsonElement value)
    {
        try
        {
            return value.Deserialize<PipeEntry>(Json)!;
        }
        catch (JsonException)
        {
            throw new UsageException($"{FileName}: the pipe \"{name}\" has something else than resource, hostHeader, offline and reply; {Shape}.");
        }
    }

    private sealed record Content(string? Server, Dictionary<string, JsonElement>? Pipes, [property: JsonPropertyName("$schema")] string? Schema);

    private sealed record PipeEntry(string? Resource, string? HostHeader, string? Offline, string? Reply);
}
