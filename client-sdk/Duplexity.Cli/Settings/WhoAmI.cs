using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace Duplexity.Cli.Settings;

/// <summary>What <c>GET /auth</c> says about a token; <paramref name="ExpiresAt"/> in milliseconds since 1970 UTC.</summary>
internal sealed record WhoAmI(string Client, long? ExpiresAt, string? Issuer, string[]? Clients, Allowances? Allowances)
{
    /// <summary>Whether the token stands for <paramref name="client"/>.</summary>
    public bool Holds(string client) => Client == client || Clients?.Contains(client) == true;

    /// <summary>Asks the server whose <paramref name="token"/> is.</summary>
    /// <exception cref="NotSignedInException">The server does not take it.</exception>
    /// <exception cref="DuplexityException">The server cannot be reached, or answers as another program would.</exception>
    public static async Task<WhoAmI> AskAsync(Uri server, string token, CancellationToken cancel)
    {
        using var response = await ServerCalls.SendAsync(server, HttpMethod.Get, "auth", token, null, cancel);
        if (response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
        {
            throw new NotSignedInException($"{ServerChoice.Origin(server)} does not take this token: it has ended or was revoked. Sign in again: duplexity login.");
        }

        try
        {
            response.EnsureSuccessStatusCode();
            return await response.Content.ReadFromJsonAsync<WhoAmI>(cancel) is { Client: not null } me ? me : throw new JsonException();
        }
        catch (Exception e) when (e is HttpRequestException or JsonException)
        {
            throw ServerCalls.Away($"{ServerChoice.Origin(server)} does not answer as a Duplexity server does (status {(int)response.StatusCode}).", e);
        }
    }

    /// <summary>Whether a Duplexity server answers at <paramref name="server"/> and says that it is not in Development; one that is away says nothing.</summary>
    public static async Task<bool> DeniesDevelopmentAsync(Uri server, CancellationToken cancel) => await ProvidersAsync(server, cancel) is { Development: false };

    /// <summary>Whether a Duplexity server answers at <paramref name="server"/> and says that people sign in there.</summary>
    public static async Task<bool> SignsInAsync(Uri server, CancellationToken cancel) => await ProvidersAsync(server, cancel) is { SignIn: true };

    /// <summary>Returns when an HTTP server answers at <paramref name="server"/>, whatever it says.</summary>
    /// <exception cref="DuplexityException">None does.</exception>
    public static async Task ReachAsync(Uri server, CancellationToken cancel) => (await ServerCalls.SendAsync(server, HttpMethod.Get, "auth", null, null, cancel)).Dispose();

    private static async Task<Providers?> ProvidersAsync(Uri server, CancellationToken cancel)
    {
        try
        {
            using var response = await ServerCalls.SendAsync(server, HttpMethod.Get, "auth/providers", null, null, cancel);
            return response.IsSuccessStatusCode ? await response.Content.ReadFromJsonAsync<Providers>(cancel) : null;
        }
        catch (Exception e) when (e is DuplexityException or HttpRequestException or JsonException)
        {
            return null;
        }
    }

    private sealed record Providers(bool? SignIn, bool? Development);
}
