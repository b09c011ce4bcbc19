namespace Duplexity.Server;

/// <summary>Who may serve a domain that is not under the server's own.</summary>
public sealed class DomainOptions
{
    /// <summary>The clients that may serve it without a proof in the DNS, such as <c>amy</c> or <c>service:*</c>; <c>*</c> stands for any run of characters. Defaults to none.</summary>
    public IList<string> Clients { get; } = [];
}
