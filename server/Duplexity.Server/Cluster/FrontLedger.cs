using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Cluster;

/// <summary>
/// A front among the nodes: it tells one of them that it is there, by which all know of it, and hears who the others are. The first that it asks are those of its settings; whichever answered last is asked first the next time. Thread-safe.
/// </summary>
internal sealed class FrontLedger(NodeCalls calls, IOptions<DuplexityOptions> options, TimeProvider time, ILogger<FrontLedger> logger) : INodeLedger
{
    private readonly ActingLease _lease = new(time, options.Value.Front.Lease);
    private volatile NodesThere _there = new([], []);
    private volatile NodeInfo? _self;
    private volatile string? _last;
    private volatile string? _said;

    /// <summary>Raised with the ports of TCP pipes, each time that a node has told them. Handlers must not throw or wait.</summary>
    public event Action<int[]>? PortsHeard;

    /// <inheritdoc/>
    public bool IsShared => true;

    /// <inheritdoc/>
    public bool IsKept => true;

    /// <inheritdoc/>
    public ActingLease? Lease => _lease;

    /// <summary>Whether a node answered when one was asked last.</summary>
    public bool IsHeard => _said is null && _there.Nodes.Count > 0;

    /// <inheritdoc/>
    public async Task JoinAsync(NodeInfo self, CancellationToken ct)
    {
        _self = self;

        // Where none can be reached the front waits for them: it is not ready until then. One that refuses it will go on refusing.
        var (_, refusal) = await AskAnyAsync(self, ct);
        if (refusal is not null)
        {
            throw new ClusterException(refusal);
        }
    }

    /// <inheritdoc/>
    public Task WriteAsync(NodeInfo node, CancellationToken ct)
    {
        _self = node; // told with the question who is there
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<NodesThere> ListAsync(CancellationToken ct)
    {
        if (_self is { } self)
        {
            var from = time.GetTimestamp();
            var (answer, refusal) = await AskAnyAsync(self, ct);
            if (answer is not null)
            {
                _there = new(answer.Nodes, []);
                _said = null;
                _lease.Renew(from);
                PortsHeard?.Invoke(answer.Ports);
            }
            else
            {
                Say(refusal ?? "no node of Duplexity:Front:Backends answers");
            }
        }

        return _there;
    }

    /// <inheritdoc/>
    public Task LeaveAsync(NodeInfo self, CancellationToken ct) => Task.CompletedTask; // it is forgotten in a moment, and marked as draining before

    /// <summary>The nodes to ask, the last that answered first.</summary>
    private IEnumerable<NodeInfo> Known() => _there.Nodes.Where(n => n.IsReady).OrderBy(n => n.Name != _last);

    private async Task<(FrontAnswer? Answer, string? Refusal)> AskAnyAsync(NodeInfo self, CancellationToken ct)
    {
        string? refusal = null;
        foreach (var ask in Known().Select(n => (Func<Task<NodeInfo>>)(() => Task.FromResult(n))).Concat(options.Value.Front.Backends.Select(url => (Func<Task<NodeInfo>>)(() => NameAsync(new Uri(url), ct)))))
        {
            try
            {
                var node = await ask();
                var answer = await calls.AskAsync<FrontQuestion, FrontAnswer>(node, FrontQuestion.Word, new(self), ct);
                if (answer.Problem is null)
                {
                    _last = node.Name;
                    return (answer, null);
                }

                refusal = answer.Problem;
            }
            catch (NodeRefusedException e)
            {
                refusal = $"{e.Message} A front's Duplexity:Front:Key is what the nodes have as Duplexity:Cluster:FrontKey.";
            }
            catch (DuplexityException)
            {
                // It is away: the next one.
            }
        }

        return (null, refusal);
    }

    private async Task<NodeInfo> NameAsync(Uri url, CancellationToken ct)
    {
        var anybody = new NodeInfo { Name = url.Authority, Life = "", Version = "", Since = default, InternalUrl = url };
        var (name, life) = await calls.AskAsync<NameQuestion, NameAnswer>(anybody, NameCall.Word, new(), ct);
        return anybody with { Name = name, Life = life };
    }

    private void Say(string problem)
    {
        if (_said != problem)
        {
            Log.FrontAlone(logger, problem);
        }

        _said = problem;
    }
}
