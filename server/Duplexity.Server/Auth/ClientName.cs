using System.Text;

namespace Duplexity.Server.Auth;

/// <summary>How a claim becomes a CID (G19).</summary>
internal static class ClientName
{
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
        return client.StartsWith(prefix, StringComparison.Ordinal) && Address.IsClientId(client) && (mayBeService || !client.StartsWith("service:", StringComparison.Ordinal))
            ? client
            : null;
    }
}
