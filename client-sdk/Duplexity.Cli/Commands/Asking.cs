using System.Net;
using System.Text.Json;
using Duplexity.Cli.Settings;

namespace Duplexity.Cli.Commands;

/// <summary>Requests to the server's own HTTP as whoever is signed in, and what its refusals become.</summary>
internal static class Asking
{
    /// <exception cref="DuplexityException">The server refuses, or cannot be reached.</exception>
    /// <exception cref="NotSignedInException">It does not take the token.</exception>
    public static async Task<JsonElement> AskAsync(Invocation run, HttpMethod method, string path, object? body)
    {
        var token = await TokenCommand.TokenAsync(run);
        using var answer = await ServerCalls.SendAsync(run.Server, method, path, token, body, run.Cancel);
        var text = await answer.Content.ReadAsStringAsync(run.Cancel);
        var read = text.StartsWith('{') ? JsonSerializer.Deserialize<JsonElement>(text) : default;
        if (!answer.IsSuccessStatusCode)
        {
            if (answer.StatusCode == HttpStatusCode.NotFound && read.ValueKind == JsonValueKind.Undefined)
            {
                throw new DuplexityException(DuplexityError.Of(Errors.InvalidRequest, $"{ServerChoice.Origin(run.Server)} has no /{path.Split('?')[0]}: it is another version, or was started without that part."));
            }

            throw read.ValueKind == JsonValueKind.Object && read.TryGetProperty("error", out var error) && error.Deserialize<DuplexityError>(JsonSerializerOptions.Web) is { } refused
                ? new DuplexityException(refused)
                : new NotSignedInException($"{ServerChoice.Origin(run.Server)} does not take your token (status {(int)answer.StatusCode}). Sign in again: duplexity login.");
        }

        return read;
    }
}
