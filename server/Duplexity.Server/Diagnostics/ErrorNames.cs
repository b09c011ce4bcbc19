namespace Duplexity.Server.Diagnostics;

/// <summary>The names of errors as tags: those of the protocol's table, and no other.</summary>
internal static class ErrorNames
{
    private static readonly Dictionary<int, string> Known = typeof(Errors).GetFields()
        .Select(field => field.GetValue(null)).OfType<(int Code, string Name)>().ToDictionary(error => error.Code, error => error.Name);

    /// <summary>The error's name; <c>other</c> where it has a code of its own.</summary>
    public static string Of(DuplexityError error) => Known.GetValueOrDefault(error.Code, "other");
}
