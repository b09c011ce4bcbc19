namespace Duplexity.Server.OpenId.Pages;

/// <summary>The fields by which a password is chosen.</summary>
internal static class NewPassword
{
    public const string Different = "The two passwords are not the same.";

    /// <summary>Both fields and what is asked of them.</summary>
    public static string Fields(int length) => $"""
        <label for="password">Password</label><input id="password" name="password" type="password" autocomplete="new-password" minlength="{length}" maxlength="1024" required aria-describedby="rule">
        <small id="rule">At least {length} characters; a few words together are good.</small>
        <label for="again">The same again</label><input id="again" name="again" type="password" autocomplete="new-password" minlength="{length}" maxlength="1024" required>
        """;

    /// <summary>The chosen one; null where the two differ.</summary>
    public static string? Of(IReadOnlyDictionary<string, string> form) =>
        form.GetValueOrDefault("password") is { } password && password == form.GetValueOrDefault("again") ? password : null;
}
