namespace Duplexity.AspNetCore;

/// <summary>What a pipe to the application itself serves.</summary>
internal static class OwnAddress
{
    /// <summary>The first plain http address, else the first https one; an address of all interfaces is reached at localhost.</summary>
    /// <exception cref="InvalidOperationException">The application listens nowhere.</exception>
    public static string Of(ICollection<string> addresses)
    {
        var chosen = addresses.FirstOrDefault(a => a.StartsWith("http://", StringComparison.OrdinalIgnoreCase)) ?? addresses.FirstOrDefault()
            ?? throw new InvalidOperationException("The application listens at no address; set DuplexityPipeOptions.Resource.");
        if (chosen.StartsWith("http://unix:", StringComparison.OrdinalIgnoreCase))
        {
            return chosen["http://".Length..].TrimEnd('/');
        }

        foreach (var all in (string[])["://[::]:", "://0.0.0.0:", "://*:", "://+:"])
        {
            chosen = chosen.Replace(all, "://localhost:", StringComparison.Ordinal);
        }

        return new Uri(chosen).GetLeftPart(UriPartial.Authority);
    }
}
