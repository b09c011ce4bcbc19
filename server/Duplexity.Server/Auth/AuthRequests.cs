using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace Duplexity.Server.Auth;

/// <summary>What the endpoints below <c>/auth</c> share: how they are mapped, read and answered.</summary>
internal static class AuthRequests
{
    /// <summary>What a request to these endpoints may have: a token or two.</summary>
    private const int MaxBodyBytes = 32 * 1024;

    /// <summary>Maps one path for some methods. Others are answered 405 behind the gate: routing would do so before it has looked at the host.</summary>
    public static IEndpointConventionBuilder MapService(this IEndpointRouteBuilder routes, string methods, string path, RequestDelegate handle, bool requireIdentity = true) => routes.Map(path, context =>
    {
        if (methods.Split(' ').Contains(context.Request.Method, StringComparer.OrdinalIgnoreCase))
        {
            context.Response.Headers.CacheControl = "no-store";
            return HandleAsync(context, handle);
        }

        return RefuseMethodAsync(context, methods.Replace(" ", ", "));
    }).AddServiceGate(requireIdentity);

    /// <summary>Handles a request; where the engine is away, or takes no more just now, that is the answer.</summary>
    public static async Task HandleAsync(HttpContext context, RequestDelegate handle)
    {
        try
        {
            await handle(context);
        }
        catch (DuplexityException e) when (!context.Response.HasStarted)
        {
            await RefuseAsync(context, e.Error);
        }
    }

    /// <summary>Answers 405; <paramref name="allowed"/> are the methods that there are.</summary>
    public static Task RefuseMethodAsync(HttpContext context, string allowed)
    {
        context.Response.Headers.Allow = allowed;
        return context.GetEndpoint()?.Metadata.GetMetadata<ApiEndpoint>() is null
            ? Task.FromResult(context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed)
            : AnswerAsync(context, new { error = DuplexityError.Of(Errors.NoSuchMethod, $"This path takes {allowed}.") }, StatusCodes.Status405MethodNotAllowed);
    }

    /// <summary>The request's body as JSON; null where it is none, or too long.</summary>
    public static async Task<T?> ReadAsync<T>(HttpContext context, int maxBytes = MaxBodyBytes, JsonSerializerOptions? json = null)
        where T : class
    {
        Limit(context, maxBytes);
        try
        {
            return await JsonSerializer.DeserializeAsync<T>(context.Request.Body, json ?? AllowanceClaim.Json, context.RequestAborted);
        }
        catch (Exception e) when (e is JsonException or BadHttpRequestException)
        {
            // What a stranger sent; the caller says what it wants instead.
            return null;
        }
    }

    /// <summary>The members of a form, or of a JSON object of texts: OAuth's clients send the one, programs the other.</summary>
    public static async Task<IReadOnlyDictionary<string, string>> ReadFieldsAsync(HttpContext context)
    {
        Limit(context, MaxBodyBytes);
        if (!context.Request.HasFormContentType)
        {
            return await ReadAsync<Dictionary<string, string>>(context) ?? [];
        }

        try
        {
            return (await context.Request.ReadFormAsync(context.RequestAborted)).ToDictionary(field => field.Key, field => field.Value.ToString());
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            return new Dictionary<string, string>();
        }
    }

    /// <summary>Answers with a record.</summary>
    public static Task AnswerAsync<T>(HttpContext context, T answer, int status = StatusCodes.Status200OK)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(answer, AllowanceClaim.Json, context.RequestAborted);
    }

    /// <summary>Answers with a refusal; the status goes with its code.</summary>
    public static Task RefuseAsync(HttpContext context, DuplexityError error) => AnswerAsync(context, new { error }, Mark(context.Response, error));

    /// <summary>Says when to try again, where the refusal knows it, and returns the status that goes with its code.</summary>
    public static int Mark(HttpResponse response, DuplexityError error)
    {
        var isAway = error.Kind == "unavailable";
        if (error.RetryAfterMs is not null || isAway)
        {
            // Whole seconds, rounded up; who is away without saying for how long is asked again after one.
            response.Headers.RetryAfter = (error.RetryAfterMs is { } wait ? (wait + 999) / 1000 : 1).ToString(CultureInfo.InvariantCulture);
        }

        return error switch
        {
            _ when error.Is(Errors.TokenRefused) || error.Is(Errors.TokenExpired) => StatusCodes.Status401Unauthorized,
            _ when error.Is(Errors.MessageTooLarge) => StatusCodes.Status413PayloadTooLarge,
            { Kind: "denied" } => StatusCodes.Status403Forbidden,
            { Kind: "limit" } => StatusCodes.Status429TooManyRequests,
            _ when isAway => StatusCodes.Status503ServiceUnavailable,
            _ => StatusCodes.Status400BadRequest,
        };
    }

    /// <summary>Answers that the request is wrong.</summary>
    public static Task RefuseAsync(HttpContext context, string sentence) => RefuseAsync(context, DuplexityError.Of(Errors.InvalidRequest, sentence));

    private static void Limit(HttpContext context, int maxBytes)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = maxBytes;
        }
    }
}
