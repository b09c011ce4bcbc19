using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tunnels.Names;

/// <summary>Refuses settings of custom domains that could not mean anything.</summary>
internal sealed class DomainOptionsCheck : IValidateOptions<DuplexityOptions>
{
    public ValidateOptionsResult Validate(string? name, DuplexityOptions options)
    {
        var problems = new List<string>();
        if (options.Pipes.Resolver is { Length: > 0 } resolver && DomainDns.Read(resolver) is null)
        {
            problems.Add($"Duplexity:Pipes:Resolver is \"{VisibleText.Of(resolver, VisibleText.LogLength)}\"; write the address of a DNS server, such as 192.0.2.53 or 127.0.0.1:5353.");
        }

        problems.AddRange(options.Pipes.Domains.Where(d => !d.Key.Contains('.') || d.Value.Clients.Count == 0)
            .Select(d => $"Duplexity:Pipes:Domains:{VisibleText.Of(d.Key, VisibleText.LogLength)} is to be a domain such as cat1.example.com or *.example.com, with the clients that may serve it as its Clients."));
        if (options.Times.Proof <= TimeSpan.Zero || options.Times.Dns <= TimeSpan.Zero)
        {
            problems.Add("Duplexity:Times:Proof and Duplexity:Times:Dns are longer than nothing.");
        }

        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }
}
