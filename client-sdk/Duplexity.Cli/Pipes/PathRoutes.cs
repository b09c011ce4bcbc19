namespace Duplexity.Cli.Pipes;

/// <summary>Gathers what was typed for one hostname: <c>cat1=3000 cat1/api=8080</c> is one pipe with a route.</summary>
internal static class PathRoutes
{
    /// <exception cref="UsageException">There is a path of a hostname that has no resource of its own.</exception>
    public static IReadOnlyList<PipeSpec> Gather(IReadOnlyList<PipeSpec> typed, bool strip)
    {
        var pipes = typed.Where(s => s.Path is null).ToList();
        foreach (var route in typed.Where(s => s.Path is not null))
        {
            var at = pipes.FindIndex(p => p.Name == route.Name);
            if (at < 0)
            {
                throw new UsageException($"{route.Name}{route.Path} is a path of {route.Name}, which needs a resource for all other paths: add {route.Name}=RESOURCE.");
            }

            var traffic = pipes[at].Traffic ?? new();
            pipes[at] = pipes[at] with { Traffic = traffic with { Routes = [.. traffic.Routes, new() { Path = route.Path, Resource = route.Resource, Strip = strip ? true : null }] } };
        }

        return pipes;
    }
}
