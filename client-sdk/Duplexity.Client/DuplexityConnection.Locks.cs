using Duplexity.Protocol;

namespace Duplexity;

/// <content>Lockspaces and their locks.</content>
public sealed partial class DuplexityConnection
{
    // Giving locks and claims back is a courtesy of the end, as telling the server is; what is not given back ends with its lease.
    private static readonly TimeSpan GivingBack = TimeSpan.FromSeconds(1);

    /// <summary>The lockspaces that this client makes, and who is held in them.</summary>
    public Lockspaces Lockspaces { get; }

    /// <summary>Enters a lockspace, for its locks, its members and, where it has a channel, its messages; disposing the result leaves it. One that nobody made is there by its use.</summary>
    /// <param name="lockspace">The lockspace's name, without <c>lockspace:</c>.</param>
    /// <param name="options">As whom, and how long locks are held; null: as the primary client, 30 s.</param>
    /// <param name="ct">Gives up.</param>
    /// <exception cref="DuplexityException">It was refused, or there was no answer in time.</exception>
    /// <exception cref="FormatException">The name cannot be a lockspace's.</exception>
    /// <exception cref="InvalidOperationException">This connection is in the lockspace already; use that <see cref="Lockspace"/>, or dispose it first.</exception>
    public async Task<Lockspace> EnterAsync(string lockspace, EnterOptions? options = null, CancellationToken ct = default)
    {
        _ = Client; // before the connection was ready there is nothing to enter
        options ??= new EnterOptions();
        var join = AsPrimary(new JoinOptions { As = options.As, Since = options.Since, Last = options.Last });
        var (listener, observers) = await _listening.JoinAsync(Address.Lockspace(lockspace), join, ct).ConfigureAwait(false);
        return new Lockspace(this, listener, observers, _locks, options);
    }

    internal Task AskToLeaveAsync(Address lockspace, string? client, string key, CancellationToken ct) =>
        _data.AskAsync(d => d.Hub.Leave(new LeaveRequest { As = client ?? d.Client, Channel = lockspace.ToString(), Key = key }), ct);

    private static MessageRequest Under(MessageRequest request, LockToken? under) => (request, under) switch
    {
        (_, null) => request,
        (SendRequest send, _) => send with { Under = under },
        _ => throw new ArgumentException("What is sent under a lock has a destination, which remembers the lock's token; emit has none.", nameof(under)),
    };

    private async Task GiveBackAsync()
    {
        try
        {
            await Task.WhenAll(_locks.ReleaseAllAsync(), _listening.ReturnClaimsAsync()).WaitAsync(GivingBack, Options.TimeProvider).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Their leases end them.
        }
    }
}
