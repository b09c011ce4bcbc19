using Duplexity.Protocol;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Hubs;

/// <summary>
/// The first gate, on both hubs: the node may act, the request is there, and the identity that it acts as is held and valid. Without an await of its own, so that invocations
/// still start in their order of arrival (G11). Turns exceptions into answers, once, for both hubs.
/// </summary>
internal sealed class GateFilter(IEngine engine, Metrics metrics, ILogger<GateFilter> logger) : IHubFilter
{
    public ValueTask<object?> InvokeMethodAsync(HubInvocationContext invocationContext, Func<HubInvocationContext, ValueTask<object?>> next)
    {
        if (Check(invocationContext) is { } error)
        {
            return new(Refuse(invocationContext, error));
        }

        try
        {
            var invocation = next(invocationContext);
            return invocation.IsCompletedSuccessfully ? new(Count(invocationContext, invocation.Result)) : AnswerAsync(invocationContext, invocation);
        }
        catch (Exception e)
        {
            return new(Answer(invocationContext, e));
        }
    }

    private DuplexityError? Check(HubInvocationContext context)
    {
        if (engine.Lease is { IsOver: true })
        {
            return DuplexityError.Of(Errors.Unavailable, "This node has not reached its engine for longer than its lease, and does nothing until it has; try again in a moment.");
        }

        if (context.HubMethodArguments is not [Request request])
        {
            return DuplexityError.Of(Errors.InvalidRequest, $"{context.HubMethodName} takes one request record; none was given.");
        }

        return context.Hub switch
        {
            DataHub => context.Context.Features.Get<Socket>() is { IsClosing: false } socket
                ? request.As is null && IdentityCalls.IsChange(request) ? null : socket.Identities.Resolve(request.As, out _)
                : DuplexityError.Of(Errors.ShuttingDown, "This connection is being closed."),
            ControlHub => context.Context.Features.Get<ControlConnection>()!.Check(request, context.HubMethodName),
            _ => null,
        };
    }

    private async ValueTask<object?> AnswerAsync(HubInvocationContext context, ValueTask<object?> invocation)
    {
        try
        {
            return Count(context, await invocation);
        }
        catch (Exception e)
        {
            return Answer(context, e);
        }
    }

    private object Answer(HubInvocationContext context, Exception exception)
    {
        switch (exception)
        {
            case DuplexityException refused:
                return Refuse(context, refused.Error);
            case OperationCanceledException when context.Context.ConnectionAborted.IsCancellationRequested:
                return Refuse(context, DuplexityError.Of(Errors.ShuttingDown, "This connection is being closed."));
            default:
                logger.HubMethodFailed(context.Hub.GetType().Name, context.HubMethodName, exception);
                return Refuse(context, DuplexityError.Of(Errors.Unavailable, "The node could not do this now; try again."));
        }
    }

    private object Refuse(HubInvocationContext context, DuplexityError error)
    {
        if (SendOrder.IsMissing(error) && context.HubMethodArguments is [MessageRequest { Session: { } session, Sequence: { } sequence } send]
            && context.Context.Features.Get<Socket>() is { } socket && socket.Identities.Resolve(send.As, out var held) is null)
        {
            // Refused before the machine has seen it: those behind it are not to overtake it.
            socket.Line.Order.Leave(held.Client, session, sequence, isMissing: true);
        }

        return Count(context, Refusals.Of(context.HubMethod, error))!;
    }

    private object? Count(HubInvocationContext context, object? answer)
    {
        if (answer is Answer { Error: { } error })
        {
            metrics.Refused(error, context.Hub is DataHub ? "data" : "control");
        }

        return answer;
    }
}
