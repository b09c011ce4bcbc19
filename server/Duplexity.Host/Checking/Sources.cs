using Microsoft.Extensions.Configuration.CommandLine;
using Microsoft.Extensions.Configuration.EnvironmentVariables;
using Microsoft.Extensions.Configuration.Json;
using Microsoft.Extensions.Configuration.Memory;

namespace Duplexity.Host.Checking;

/// <summary>Where settings come from: of several places that say one, the last counts.</summary>
internal sealed class Sources(IConfigurationRoot configuration)
{
    private readonly IConfigurationProvider[] _lastFirst = [.. Flat(configuration).Reverse()];

    /// <summary>Where a setting was said: <c>command line</c>, <c>environment</c>, a file's name; null where it was not.</summary>
    public string? Of(string path) => Array.Find(_lastFirst, p => p.TryGet(path, out _) || p.GetChildKeys([], path).Any()) switch
    {
        null => null,
        CommandLineConfigurationProvider => "command line",
        EnvironmentVariablesConfigurationProvider => "environment",
        JsonConfigurationProvider file => file.Source.Path ?? "file",
        MemoryConfigurationProvider => "default of serve",
        var other => other.GetType().Name,
    };

    private static IEnumerable<IConfigurationProvider> Flat(IConfigurationRoot root) =>
        root.Providers.SelectMany(p => p is ChainedConfigurationProvider { Configuration: IConfigurationRoot inner } ? Flat(inner) : [p]);
}
