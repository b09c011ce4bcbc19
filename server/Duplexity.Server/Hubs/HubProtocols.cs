using System.Text.Json.Serialization;
using MessagePack;
using MessagePack.Resolvers;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Protocol;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Hubs;

/// <summary>
/// The hub protocols of Duplexity's own hubs, JSON and MessagePack, with its own settings. Not registered in the application's services, where they would change
/// every other hub: only our two connection handlers are given this resolver.
/// </summary>
internal sealed class HubProtocols(DuplexityOptions options) : IHubProtocolResolver
{
    /// <summary>How deep JSON from a client may nest (G24).</summary>
    private const int MaxDepth = 32;

    private readonly IHubProtocol[] _protocols = [Json(), MessagePack()];

    /// <inheritdoc/>
    public IReadOnlyList<IHubProtocol> AllProtocols => _protocols;

    /// <inheritdoc/>
    public IHubProtocol? GetProtocol(string protocolName, IReadOnlyList<string>? supportedProtocols) =>
        Array.Find(_protocols, p => string.Equals(p.Name, protocolName, StringComparison.OrdinalIgnoreCase)) is { } protocol
            ? new CountingHubProtocol(protocol, options.Limits.ProtocolErrors, options.Limits.AnswersPerSocket)
            : null;

    private static JsonHubProtocol Json()
    {
        var options = new JsonHubProtocolOptions();
        options.PayloadSerializerOptions.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        options.PayloadSerializerOptions.MaxDepth = MaxDepth;
        return new JsonHubProtocol(Options.Create(options));
    }

    private static MessagePackHubProtocol MessagePack() => new(Options.Create(new MessagePackHubProtocolOptions
    {
        SerializerOptions = MessagePackSerializerOptions.Standard.WithResolver(StandardResolver.Instance).WithSecurity(MessagePackSecurity.UntrustedData),
    }));
}
