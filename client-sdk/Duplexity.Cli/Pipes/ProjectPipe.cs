using System.Text.Json;

namespace Duplexity.Cli.Pipes;

/// <summary>
/// One pipe of <c>duplexity.json</c>: the members that its object may have. What is added here is read; <see cref="ToSpec"/> is where it is checked and handed on.
/// </summary>
internal sealed record ProjectPipe
{
    /// <summary>What is served, as <c>up</c> takes it.</summary>
    public string? Resource { get; init; }

    /// <summary><c>keep</c>, <c>resource</c> or a name.</summary>
    public string? HostHeader { get; init; }

    /// <summary>Reads a pipe: text is its resource, an object has these members.</summary>
    /// <param name="name">Its name in the file.</param>
    /// <param name="value">What stands there.</param>
    /// <exception cref="UsageException">It is neither, or has a member that is not known.</exception>
    public static ProjectPipe Read(string name, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String)
        {
            return new ProjectPipe { Resource = value.GetString() };
        }

        if (value.ValueKind != JsonValueKind.Object)
        {
            throw new UsageException($"{ProjectFile.FileName}: the pipe \"{name}\" is neither text nor an object; {ProjectFile.Shape}.");
        }

        try
        {
            return value.Deserialize<ProjectPipe>(ProjectFile.Json)!;
        }
        catch (JsonException e)
        {
            throw new UsageException($"{ProjectFile.FileName}: the pipe \"{name}\" has something at {e.Path ?? "$"} that does not belong there; {ProjectFile.Shape}.");
        }
    }

    /// <summary>The pipe as <c>up</c> serves it.</summary>
    /// <exception cref="UsageException">It has no resource, or something that cannot be.</exception>
    public PipeSpec ToSpec(string name) =>
        PipeSpec.Of(name, Resource ?? throw new UsageException($"{ProjectFile.FileName}: the pipe \"{name}\" has no resource; {ProjectFile.Shape}.")) with
        {
            HostHeader = HostHeader is null ? null : PipeSpec.HostHeaderOf(HostHeader),
        };
}
