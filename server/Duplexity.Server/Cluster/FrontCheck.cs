using Microsoft.Extensions.Options;

namespace Duplexity.Server.Cluster;

/// <summary>Refuses a front that knows nobody to ask, or has a secret that is not for fronts (G18).</summary>
internal sealed class FrontCheck : IValidateOptions<DuplexityOptions>
{
    public ValidateOptionsResult Validate(string? name, DuplexityOptions options)
    {
        List<string> problems = [];
        if (options.Front.Backends.Count == 0)
        {
            problems.Add("Duplexity:Front:Backends is empty: name the nodes' Duplexity:Node:InternalUrl, one at least, such as --Duplexity:Front:Backends:0=http://10.0.0.5:5081.");
        }

        problems.AddRange(options.Front.Backends.Where(text => !Uri.TryCreate(text, UriKind.Absolute, out var url) || ClusterCheck.IsNoAddress(url))
            .Select(text => $"Duplexity:Front:Backends has {VisibleText.Of(text, VisibleText.LogLength)}; an address is like http://10.0.0.5:5081, without a path."));
        if (string.IsNullOrEmpty(options.Front.Key))
        {
            problems.Add("Duplexity:Front:Key is missing: what the nodes have as Duplexity:Cluster:FrontKey.");
        }

        if (options.Cluster.Key is { Length: > 0 } || options.Cluster.FormerKey is { Length: > 0 })
        {
            problems.Add("Duplexity:Cluster:Key is the nodes' own, and this is a front (Duplexity:Roles): leave it out here; a front has Duplexity:Front:Key alone.");
        }

        if (options.Front.Lease < 3 * options.Times.NodeNews || options.Front.Lease > TimeSpan.FromHours(1))
        {
            problems.Add($"Duplexity:Front:Lease is {options.Front.Lease}; it is at least three times Duplexity:Times:NodeNews ({options.Times.NodeNews}), and at most an hour.");
        }

        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }
}

/// <summary>Refuses a node that was told to be a front alone: it would have an engine, and clients.</summary>
internal sealed class NodeRolesCheck : IValidateOptions<DuplexityOptions>
{
    public ValidateOptionsResult Validate(string? name, DuplexityOptions options) => options.IsFront
        ? ValidateOptionsResult.Fail("Duplexity:Roles says that this is a front and nothing else: in an application of your own, AddDuplexityFront and MapDuplexityFront stand in the place of AddDuplexity and MapDuplexity.")
        : ValidateOptionsResult.Success;
}
