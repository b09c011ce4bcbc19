using Duplexity.Cli.Output;
using Duplexity.Cli.Settings;

namespace Duplexity.Cli;

/// <summary>One run of one command: where it goes, as whom, and how it talks.</summary>
internal sealed class Invocation(Surroundings around, string? server, string? actAs, bool json, bool isInsecure, CancellationToken cancel)
{
    public const string AsVariable = "DUPLEXITY_AS";

    private readonly Lazy<SignIns> _signIns = new(around.SignIns);

    public Surroundings Around => around;

    public Terminal Terminal => around.Terminal;

    public bool Json => json;

    /// <summary>Whether a credential from the environment may be read by whoever is on the way.</summary>
    public bool IsInsecure => isInsecure;

    /// <summary>Ends with Ctrl+C.</summary>
    public CancellationToken Cancel => cancel;

    public SignIns SignIns => _signIns.Value;

    /// <summary>Where the configuration of this user is.</summary>
    public string Folder => SignIns.Folder(around.Environment);

    /// <summary>The server that the command line or the environment names; null: neither does.</summary>
    public string? NamedServer => server ?? Environment(ServerChoice.Variable);

    /// <summary>The identity that the command line or the environment names; null: neither does.</summary>
    public string? NamedClient => actAs ?? Environment(AsVariable);

    /// <summary>The server that this command talks to.</summary>
    public Uri Server => ServerChoice.Resolve(server, Environment(ServerChoice.Variable), SignIns.Server);

    public string? Environment(string name) => around.Environment(name) is { Length: > 0 } value ? value : null;

    /// <summary>A connection, not yet opened, that says on the terminal when it is lost and when it is back. Where nobody is signed in, whoever sits at the terminal is asked to.</summary>
    public async Task<DuplexityConnection> CreateConnectionAsync(Uri to, Func<DuplexityConnectionOptions, DuplexityConnectionOptions>? configure = null)
    {
        var token = await Credentials.FindAsync(this, to, mayAsk: true);
        var options = new DuplexityConnectionOptions { Token = token, TimeProvider = around.Time };
        var connection = new DuplexityConnection(to, configure?.Invoke(options) ?? options);
        connection.StateChanged += Report;
        return connection;
    }

    /// <summary>An open connection to <see cref="Server"/>.</summary>
    public async Task<DuplexityConnection> ConnectAsync(Func<DuplexityConnectionOptions, DuplexityConnectionOptions>? configure = null)
    {
        var connection = await CreateConnectionAsync(Server, configure);
        try
        {
            await connection.ConnectAsync(cancel);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs <paramref name="work"/> until it ends or the server closes the connection for good, which then is the error.</summary>
    public async Task WhileOpenAsync(DuplexityConnection connection, Func<CancellationToken, Task> work)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var running = work(stop.Token);
        if (await Task.WhenAny(running, connection.Closed) == connection.Closed && !cancel.IsCancellationRequested)
        {
            await stop.CancelAsync();
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var reason = await connection.Closed;
            throw new DuplexityException(DuplexityError.Of((reason.Code, reason.Name), reason.Sentence));
        }

        await running;
    }

    /// <summary>One result: as an object with <c>--json</c>, else as a line.</summary>
    public void Result(object value, string line) => Terminal.Line(json ? JsonLine.Of(value) : line);

    /// <summary>Many results: objects with <c>--json</c>, else rows under headers.</summary>
    public void Results<T>(IReadOnlyList<T> items, IReadOnlyList<string> headers, Func<T, IReadOnlyList<string>> row)
        where T : notnull
    {
        if (json)
        {
            foreach (var item in items)
            {
                Terminal.Line(JsonLine.Of(item));
            }
        }
        else if (items.Count > 0)
        {
            Terminal.Table(headers, items.Select(row));
        }
    }

    private void Report(ConnectionStateChange change)
    {
        if (change is { Current: ConnectionState.Reconnecting, Previous: ConnectionState.Ready })
        {
            Terminal.Note($"connection lost ({change.Cause?.Sentence ?? "no reason given"}); trying again");
        }
        else if (change is { Current: ConnectionState.Ready, Previous: ConnectionState.Reconnecting })
        {
            Terminal.Note("connected again");
        }
    }
}
