using System.Text.Json.Nodes;
using Duplexity.Server.Auth;
using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Api;

/// <summary>
/// The OpenAPI description of the HTTP API. It is a file of this assembly, which a test compares with the operations and records and writes anew: the application's own description, if it has one, and its JSON
/// settings have nothing to do with it.
/// </summary>
internal sealed class ApiDescription(BrowserOrigins origins)
{
    private readonly JsonObject _document = Load();

    /// <summary>Answers <c>GET /api/openapi.json</c>, with the address at which it was asked for.</summary>
    public Task AnswerAsync(HttpContext context)
    {
        var request = context.Request;
        var path = (request.PathBase + request.Path).Value!;
        var document = (JsonObject)_document.DeepClone();
        document["servers"] = new JsonArray(new JsonObject { ["url"] = origins.Own(request) + path[..path.LastIndexOf('/')] });
        context.Response.ContentType = "application/json; charset=utf-8";
        return context.Response.WriteAsync(document.ToJsonString(), context.RequestAborted);
    }

    private static JsonObject Load()
    {
        using var file = typeof(ApiDescription).Assembly.GetManifestResourceStream("Duplexity.Server.Api.openapi.json")!;
        return JsonNode.Parse(file)!.AsObject();
    }
}
