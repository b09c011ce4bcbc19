using Duplexity.Protocol;
using Duplexity.Server.Pipes;
using Duplexity.Server.Sockets;
using Duplexity.Server.Tunnels;

namespace Duplexity.Server.Hubs;

/// <summary>
/// Asks the gates what would become of an operation, without doing or counting it: the same gates that the operation itself passes. Only about oneself, or about whom one may administer. Thread-safe.
/// </summary>
internal sealed class Explaining(SocketIndex sockets, PipeMachine machine, JoinGates gates, ListenerGates listeners, PublicPipes pipes)
{
    /// <summary>Answers Explain.</summary>
    /// <param name="acting">Who asks.</param>
    /// <param name="session">Its session: where no socket is named, the oldest one of this session is meant.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="hasSockets">Whether one of its sockets is meant where none is named; false: the very request that asks.</param>
    /// <param name="ct">Gives up.</param>
    public async Task<ExplainResponse> ExplainAsync(HeldIdentity acting, string? session, ExplainRequest request, CancellationToken ct, bool hasSockets = true)
    {
        var whose = request.Client ?? acting.Client;
        if (whose != acting.Client && acting.Rules.DeniesAdministering(whose) is { } denied)
        {
            return new() { Error = denied };
        }

        var isOfRequest = !hasSockets && whose == acting.Client && request.SocketId is null;
        var socket = isOfRequest ? null : Find(whose, session, request.SocketId);
        var held = socket?.Identities.Find(whose) ?? (whose == acting.Client && request.SocketId is null ? acting : null);
        if (held is null)
        {
            return new() { Error = DuplexityError.Of(Errors.UnknownDestination, "There is no such socket of that client; without a socket nothing can be explained for it.") };
        }

        if (request.Operation == Operation.Publish)
        {
            return Answer("register", await pipes.ExplainAsync(held, request.Target, ct));
        }

        if (request.Operation is not (Operation.Send or Operation.Join or Operation.Receive or Operation.Presence or Operation.Administer or Operation.Lock))
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidRequest, "operation is send, join, receive, presence, publish, administer or lock.") };
        }

        if (!Address.TryRead(request.Target, out var target, out var problem))
        {
            return new() { Error = DuplexityError.Of(Errors.InvalidAddress, problem) };
        }

        return request.Operation switch
        {
            Operation.Send => Answer(await machine.ExplainAsync(held.SenderFrom(socket?.Id), target)),
            Operation.Join => Answer("join", await JoinAsync(held, socket, target), await listeners.ExplainAsync(held.SenderFrom(socket?.Id), target, Operation.Join)),
            Operation.Lock => Answer("lock", Locking.GatesOf(held, target), await listeners.ExplainAsync(held.SenderFrom(socket?.Id), target, Operation.Lock)),
            Operation.Presence => Answer("presence", gates.OfPresence(held, target), await listeners.ExplainAsync(held.SenderFrom(socket?.Id), target, Operation.Receive)),
            Operation.Receive => Answer("egress", gates.Of(held, target, isRead: true), await listeners.ExplainAsync(held.SenderFrom(socket?.Id), target, Operation.Receive)),
            _ => Answer("administer", [("scope", target.Kind == AddressKind.Client && held.Rules.MayAdminister(target.Name)
                ? null
                : DuplexityError.Of(Errors.Denied, ScopeGate.Uncovered("administer", held.Rules.Shown.Administer, target.ToString())))]),
        };
    }

    private async Task<IEnumerable<(string Gate, DuplexityError? Error)>> JoinAsync(HeldIdentity held, Socket? socket, Address room)
    {
        var doors = gates.Of(held, room, isRead: false);

        // How full a room is, and whether it is there, concerns those who may come in.
        return Array.TrueForAll(doors, g => g.Error is null) ? [.. doors, .. await gates.LimitsOfAsync(socket, held, room, isTrial: true)] : doors;
    }

    private static ExplainResponse Answer(string step, IEnumerable<(string Gate, DuplexityError? Error)> asked, params GateVerdict[] added) =>
        Answer([.. asked.Select(g => new GateVerdict { Step = step, Gate = g.Gate, Error = g.Error }), .. added]);

    private static ExplainResponse Answer(GateVerdict[] verdicts) => new() { Allowed = Array.TrueForAll(verdicts, v => v.Error is null), Gates = verdicts };

    private Socket? Find(string client, string? session, string? socketId)
    {
        var own = sockets.OfClient(client).OrderBy(s => s.Since).ToArray();
        return socketId is not null ? Array.Find(own, s => s.Id == socketId) : Array.Find(own, s => s.SessionId == session) ?? own.FirstOrDefault();
    }
}
