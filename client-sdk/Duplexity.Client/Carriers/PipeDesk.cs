using Duplexity.Diagnostics;
using Duplexity.Links;
using Duplexity.Protocol;
using Microsoft.Extensions.Logging;

namespace Duplexity.Carriers;

/// <summary>The public pipes of a connection: what is registered again after a loss, and who carries an order out. Thread-safe.</summary>
internal sealed partial class PipeDesk(ILogger logger) : IControlSink
{
    /// <summary>At most this many carriers of a pipe at once, as the server has it: every visitor connection is a dial on this machine (G24).</summary>
    public const int CarriersPerPipe = 256;

    // Orders can overtake the answer that tells a pipe's new generation. They are good for 10 s; 64 are more than come within a round trip.
    private const int EarlyOrders = 64;

    private readonly Lock _gate = new();
    private readonly List<Pipe> _pipes = [];
    private readonly Queue<(ControlLink Link, CarryOrder Order)> _early = new();

    public bool Any
    {
        get
        {
            lock (_gate)
            {
                return _pipes.Count > 0;
            }
        }
    }

    /// <summary>Where the tokens of a pipe's client come from (null: the connection's own client), which go with its carriers.</summary>
    public Func<string?, Func<CancellationToken, ValueTask<string?>>?> TokenOf { get; set; } = _ => null;

    /// <summary>Tells the server that a pipe is gone.</summary>
    public Func<Pipe, Task>? Removing { get; set; }

    /// <summary>Registers a pipe in the place of one that is there.</summary>
    public Func<Pipe, string, PipeOptions, Task<Pipe>>? Changing { get; set; }

    /// <summary>Asks the server for a link to a pipe.</summary>
    public Func<Pipe, VisitOptions?, CancellationToken, Task<VisitorLink>> Linking { get; set; } = (_, _, _) => throw new InvalidOperationException("The pipe is of no connection.");

    public void Add(Pipe pipe)
    {
        lock (_gate)
        {
            _pipes.Add(pipe);
        }
    }

    /// <summary>The pipes that <paramref name="link"/> has not registered.</summary>
    public IReadOnlyList<Pipe> Missing(ControlLink link)
    {
        lock (_gate)
        {
            return [.. _pipes.Where(p => p.RegisteredOn != link)];
        }
    }

    /// <summary>
    /// Registers what is missing, for each client all or none, the link's own first. What is refused to another client ends that client's pipes, and holds up nobody else's. False: some could not be
    /// asked for now, and are to be tried again.
    /// </summary>
    /// <exception cref="DuplexityException">The link's own were refused.</exception>
    public async Task<bool> RegisterMissingAsync(ControlLink link, Func<ControlLink, string, Task> ensure, CancellationToken ct)
    {
        var isWhole = true;
        foreach (var ofClient in Missing(link).GroupBy(p => p.As ?? link.Client).OrderBy(g => g.Key != link.Client))
        {
            Pipe[] missing = [.. ofClient];
            try
            {
                await ensure(link, ofClient.Key).WaitAsync(ct).ConfigureAwait(false);
                var request = new RegisterPipesRequest { As = ofClient.Key, Pipes = [.. missing.Select(p => p.ToRegistration())] };
                Apply(missing, await link.Hub.RegisterPipes(request).WaitAsync(ct).ConfigureAwait(false), link);
            }
            catch (DuplexityException e) when (ofClient.Key != link.Client)
            {
                if (e.Kind == ErrorKind.Unavailable)
                {
                    isWhole = false;
                }
                else
                {
                    EndOf(ofClient.Key, e.Error);
                }
            }
        }

        return isWhole;
    }

    /// <summary>A client has left the connection, or is refused its pipes: they are over.</summary>
    public void EndOf(string client, DuplexityError reason)
    {
        Pipe[] over;
        lock (_gate)
        {
            over = [.. _pipes.Where(p => p.As == client)];
        }

        foreach (var pipe in over)
        {
            Lose(pipe, reason);
        }
    }

    /// <summary>Somebody with the right to has closed a pipe: it does not come back by itself.</summary>
    public void Closed(PipeClosedEvent closed)
    {
        Pipe? pipe;
        lock (_gate)
        {
            pipe = _pipes.Find(p => p.Generation == closed.Generation && p.Generation > 0 && p.Name == closed.Name);
        }

        if (pipe is not null)
        {
            Lose(pipe, closed.Error);
        }
    }

    /// <summary>
    /// Takes the answer to a registration. A pipe that had served and is refused for good is over; the others are tried again without it.
    /// </summary>
    /// <exception cref="DuplexityException">None was registered.</exception>
    public void Apply(IReadOnlyList<Pipe> pipes, PipesResponse answer, ControlLink link)
    {
        var results = answer.Pipes ?? [];
        if (answer.Error is null && results.Length == pipes.Count && results.All(r => r.Error is null))
        {
            for (var i = 0; i < pipes.Count; i++)
            {
                pipes[i].Registered(results[i], answer.Generation ?? 0, link);
                Log.PipeServes(logger, pipes[i].Shown, pipes[i].Resource);
            }

            Retry();
            return;
        }

        for (var i = 0; i < Math.Min(pipes.Count, results.Length); i++)
        {
            if (results[i].Error is { } error && pipes[i].Generation > 0 && error.KindOfCode() is ErrorKind.Request or ErrorKind.Denied)
            {
                Lose(pipes[i], error);
            }
        }

        throw new DuplexityException(answer.Error ?? results.FirstOrDefault(r => r.Error is not null)?.Error
            ?? DuplexityError.Of(Errors.Unreadable, "The answer to a registration of pipes could not be read."));
    }

    public async Task RemoveAsync(Pipe pipe)
    {
        var wasHere = Forget(pipe);
        pipe.End(null);
        if (wasHere && pipe.Generation > 0 && Removing is { } removing)
        {
            await removing(pipe).ConfigureAwait(false);
        }
    }

    /// <summary>The connection is over.</summary>
    public void End(DuplexityError? reason)
    {
        Pipe[] all;
        lock (_gate)
        {
            all = [.. _pipes];
            _pipes.Clear();
            _early.Clear();
        }

        foreach (var pipe in all)
        {
            pipe.End(reason);
        }
    }

    public void Carry(ControlLink link, CarryOrder order)
    {
        Pipe? pipe;
        lock (_gate)
        {
            pipe = _pipes.Find(p => p.Generation == order.Generation && p.Generation > 0 && p.Name == order.Pipe);
            if (pipe is null or { IsChanging: true })
            {
                if (_early.Count == EarlyOrders)
                {
                    Log.OrderIgnored(logger, VisibleText.Of(_early.Dequeue().Order.Pipe, VisibleText.LogLength), "this program did not register it");
                }

                _early.Enqueue((link, order));
                return;
            }

            if (pipe.Carriers >= CarriersPerPipe)
            {
                Log.OrderIgnored(logger, pipe.Shown, "as many carriers as allowed are open");
                return;
            }

            pipe.Carriers++;
        }

        _ = Task.Run(() => RunAsync(pipe, link, order));
    }

    public void Exchanged(ExchangesEvent exchanges)
    {
        var leftOut = exchanges.LeftOut;
        foreach (var exchange in exchanges.Exchanges)
        {
            Pipe? pipe;
            lock (_gate)
            {
                pipe = _pipes.Find(p => p.Generation > 0 && p.Name == exchange.Pipe);
            }

            pipe?.Tell(exchange, leftOut);
            leftOut = pipe is null ? leftOut : 0;
        }
    }

    private async Task RunAsync(Pipe pipe, ControlLink link, CarryOrder order)
    {
        try
        {
            var token = TokenOf(pipe.As) ?? (_ => new ValueTask<string?>((string?)null));
            if (pipe.TargetOf(order.Route) is not { } target)
            {
                Log.OrderIgnored(logger, pipe.Shown, "it names a route that this pipe does not have");
                return;
            }

            var outcome = await Carrier.RunAsync(order, target, link.Origins, token, pipe.Stop.Token, pipe.Use, pipe.Waits.Token).ConfigureAwait(false);
            if (outcome == CarrierOutcome.OrderRefused)
            {
                Log.OrderIgnored(logger, pipe.Shown, "it names an address that Discover did not list");
            }
        }
        catch (OperationCanceledException)
        {
            // The pipe is over.
        }
        catch (Exception e)
        {
            // The application's own token function may throw anything; the visitor's node waits no longer than its time-out.
            Log.CarrierFailed(logger, pipe.Shown, e);
        }
        finally
        {
            lock (_gate)
            {
                pipe.Carriers--;
                NoteIfFinishedUnsynchronized();
            }
        }
    }

    // What is still not ours goes back into the queue, where newer orders push it out.
    private void Retry()
    {
        (ControlLink Link, CarryOrder Order)[] early;
        lock (_gate)
        {
            early = [.. _early];
            _early.Clear();
        }

        foreach (var (link, order) in early)
        {
            Carry(link, order);
        }
    }

    private void Lose(Pipe pipe, DuplexityError reason)
    {
        Log.PipeLost(logger, pipe.Shown, reason.Code, VisibleText.Of(reason.Sentence, VisibleText.LogLength));
        Forget(pipe);
        pipe.End(reason);
    }

    private bool Forget(Pipe pipe)
    {
        lock (_gate)
        {
            return _pipes.Remove(pipe);
        }
    }
}
