using Duplexity.Protocol;

namespace Duplexity.Server.Sockets;

/// <summary>
/// One running program of a client that has (or a moment ago had) a control connection to this node: what its pipes belong to. Sessions of a client are told
/// apart by an id that the program draws at its start; a CID alone never takes over another program's session (G21). Thread-safe.
/// </summary>
internal sealed class Session(string client, string id)
{
    private volatile ControlLink? _link;

    public string Client { get; } = client;

    public string Id { get; } = id;

    /// <summary>The identity by which it was last established; null before.</summary>
    public Identity? Identity { get; set; }

    /// <summary>Whether it was ended by a revocation: visitors that are being served have no grace then.</summary>
    public bool IsCut { get; set; }

    /// <summary>The generation of the newest Discover, kept while there is no control connection; 0 before the first.</summary>
    public long Generation { get; private set; }

    /// <summary>The control connection; null during the grace after it was lost.</summary>
    public ControlLink? Link
    {
        get => _link;
        set
        {
            if (value is not null)
            {
                Generation = value.Generation;
            }

            _link = value;
        }
    }
}

/// <summary>A session's live control connection.</summary>
/// <param name="ConnectionId">SignalR's id of the connection.</param>
/// <param name="Generation">Given at Discover.</param>
/// <param name="Base">Where the client reaches this node, prefix included, with a slash at the end, such as <c>http://localhost:5080/</c>: carriers are dialled at
/// <c>data/carry</c> below it.</param>
/// <param name="Client">The client's end.</param>
/// <param name="Close">Ends the connection with a 5xx code of <see cref="Errors"/> and a reason; completes when it is gone.</param>
/// <param name="Origins">Where else its carriers may be dialled: the client was told.</param>
internal sealed record ControlLink(
    string ConnectionId, long Generation, Uri Base, IControlClient Client, Func<(int Code, string Name), string, Task> Close, IReadOnlyCollection<string>? Origins = null)
{
    /// <summary>The address of a node that has one (<paramref name="own"/>), if the client knows it; else the one by which it reaches this node, from where it is handed on.</summary>
    public Uri WayTo(Uri? own) => own is not null && Origins?.Contains(own.GetLeftPart(UriPartial.Authority)) == true ? new Uri(own.AbsoluteUri.TrimEnd('/') + "/") : Base;
}
