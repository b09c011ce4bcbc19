using System.Text;
using Duplexity.Server.Channels;

namespace Duplexity.Server.Auth;

/// <summary>How a claim becomes a CID (G19).</summary>
internal static class ClientName
{
    private const string Service = "service:";

    /// <summary>The CID of a claim of an issuer with this prefix; null where it cannot be one: no person's is a service principal's.</summary>
    public static string? Of(string prefix, string? claim, bool mayBeService = false)
    {
        if (string.IsNullOrEmpty(claim))
        {
            return null;
        }

        string client;
        try
        {
            client = (prefix + claim).Normalize(NormalizationForm.FormC);
        }
        catch (ArgumentException)
        {
            // Broken UTF-16 has no normal form, and is no client.
            return null;
        }

        // A combining mark at the front of the claim could change the prefix, and so reach into another issuer's clients.
        return client.StartsWith(prefix, StringComparison.Ordinal) && Address.IsClientId(client) && (mayBeService || !client.StartsWith(Service, StringComparison.Ordinal))
            ? client
            : null;
    }

    /// <summary>The service principal of a program that an issuer with this prefix knows by <paramref name="claim"/>; null where it cannot be one: none is the node's own voice.</summary>
    public static string? OfProgram(string prefix, string? claim) =>
        Of(Service + prefix, claim, mayBeService: true) is { } client && client is not (InProcessDuplexity.Application or Lockspaces.Teller) ? client : null;
}
