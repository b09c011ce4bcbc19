namespace Duplexity.AspNetCore;

/// <summary>Names of the scheme that tells who visits.</summary>
public static class DuplexityIdentityDefaults
{
    /// <summary>The authentication scheme.</summary>
    public const string Scheme = "Duplexity";

    /// <summary>The header in which the service asserts who the visitor is: a signed JWT, which no visitor can send.</summary>
    public const string Header = "Duplexity-Identity";
}
