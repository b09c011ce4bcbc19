using System.Text.Json;
using Duplexity.Server.Backend;
using Duplexity.Server.Cluster;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Tunnels;

/// <summary>Another node has a visitor for a pipe of this one's client, who is to bring it a carrier. What is asked for must be what is registered here, and now; for a front, what fronts have (G18).</summary>
internal sealed class CarryCall(BackendRegistry backend, CarryDesk desk, Node node) : NodeCall<CarryQuestion, CarryAnswer>(Word)
{
    public const string Word = "carry";

    /// <inheritdoc/>
    public override bool IsForFronts => true;

    /// <inheritdoc/>
    protected override async ValueTask<CarryAnswer> AnswerAsync(CarryQuestion question, NodeInfo from, CancellationToken ct)
    {
        if (question.Entry is not { Name: not null } asked)
        {
            throw new JsonException("An order is for a registration.");
        }

        if ((await backend.LocateAllAsync(asked.Name, ct)).FirstOrDefault(e => e.IsSameAs(asked) && e.Node == node.Name) is not { } entry || (from.IsFront && !FrontView.Has(entry)))
        {
            return new(CarryFailure.Elsewhere);
        }

        try
        {
            await desk.OrderHereAsync(entry, question.Route, question.Ticket, from);
            return new(null);
        }
        catch (CarryException e)
        {
            return new(e.Failure);
        }
    }
}

/// <param name="Entry">The registration as the asking node has it.</param>
/// <param name="Ticket">What the client has to show there.</param>
/// <param name="Route">The path of the route whose resource is meant; null: the pipe's own.</param>
internal sealed record CarryQuestion(PipeEntry Entry, string Ticket, string? Route = null);

/// <param name="Failure">Why the client was not told; null: it was.</param>
internal sealed record CarryAnswer(CarryFailure? Failure);
