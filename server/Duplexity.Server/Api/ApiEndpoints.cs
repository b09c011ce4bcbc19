using Duplexity.Protocol;
using Duplexity.Server.Auth;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Api;

/// <summary>Maps the operations, and answers them: one JSON object in, one out, refusals in the same shape as on the hubs. A further ingress into the same machine, without any socket.</summary>
internal sealed class ApiEndpoints(ApiRoutes routes, ApiDescription description, ApiClients clients, Standing standing, TimeProvider time, DuplexityOptions options, Metrics metrics, ILogger<ApiEndpoints> logger)
{
    /// <summary>Maps what is below <c>/api</c>.</summary>
    public IEndpointConventionBuilder Map(IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api");
        var mapped = routes.All.Where(r => r.Handle is not null).GroupBy(r => r.Path).Select(path => api.Map(path.Key, context => AnswerAsync(context, [.. path])).AddServiceGate().WithMetadata(new ApiEndpoint()))
            .ToList();
        mapped.Add(api.MapService("GET", "/openapi.json", description.AnswerAsync, requireIdentity: false));
        return new EndpointGroup(mapped);
    }

    // Every method comes here: routing would answer others with 405 before the gate has looked at the host.
    private Task AnswerAsync(HttpContext context, ApiRoute[] ofPath)
    {
        context.Response.Headers.CacheControl = "no-store";
        return Array.Find(ofPath, r => r.Method == context.Request.Method) is { } route
            ? AnswerAsync(context, route)
            : AuthRequests.RefuseMethodAsync(context, string.Join(", ", ofPath.Select(r => r.Method)));
    }

    private async Task AnswerAsync(HttpContext context, ApiRoute route)
    {
        Answer answer;
        int? status = null;
        HeldIdentity? held = null;
        ApiCall? call = null;
        try
        {
            var identity = context.Features.Get<Identity>()!;
            if (identity.Client == InProcessDuplexity.Application)
            {
                throw new DuplexityException(DuplexityError.Of(Errors.Denied, $"{InProcessDuplexity.Application} is the application itself, in its own process; make a key for a name of your own, such as service:orders."));
            }

            held = clients.Enter(identity);
            call = new ApiCall(context, route, clients, held, standing, time, options);
            call.CheckQuery();
            answer = await route.Handle!(call);
        }
        catch (DuplexityException refused)
        {
            answer = new Done { Error = refused.Error };
        }
        catch (ApiException refused)
        {
            (answer, status) = (new Done { Error = refused.Error }, refused.Status);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to be told.
            answer = new Done();
        }
        catch (BadHttpRequestException e)
        {
            (answer, status) = (new Done { Error = DuplexityError.Of(Errors.Unreadable, "The request did not come whole, or not as HTTP says it.") }, e.StatusCode);
        }
        catch (Exception e)
        {
            logger.ApiCallFailed(route.Operation, e);
            answer = new Done { Error = DuplexityError.Of(Errors.Unavailable, "The node could not do this now; try again.") };
        }
        finally
        {
            if (held is not null)
            {
                clients.Free(held, call?.BodyBytes ?? 0);
                clients.Leave(held);
            }
        }

        if (answer.Error is { } error)
        {
            metrics.Refused(error, "http");
        }

        try
        {
            await WriteAsync(context, answer, status);
        }
        finally
        {
            if (call is { AnswerBytes: > 0 })
            {
                clients.Free(held!, call.AnswerBytes);
            }
        }
    }

    private static Task WriteAsync(HttpContext context, Answer answer, int? status)
    {
        if (context.RequestAborted.IsCancellationRequested)
        {
            return Task.CompletedTask;
        }

        // Whose error is inside is marked by it; where HTTP has a status of its own, that one stands.
        var marked = answer.Error is { } error ? AuthRequests.Mark(context.Response, error) : StatusCodes.Status200OK;
        context.Response.StatusCode = status ?? marked;
        context.Response.ContentType = "application/json; charset=utf-8";
        var body = ApiJson.Write(answer);
        context.Response.ContentLength = body.Length;
        return context.Response.Body.WriteAsync(body).AsTask();
    }
}
