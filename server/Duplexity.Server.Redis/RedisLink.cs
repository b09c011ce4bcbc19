using System.Diagnostics;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>
/// The connection to Redis. Calls go out in the order in which they are made, on one connection, and take effect in that order. While Redis is away each fails at once; one whose answer does not come fails after
/// <see cref="RedisOptions.Timeout"/>. Thread-safe.
/// </summary>
internal sealed class RedisLink(RedisOptions options, TimeProvider time) : IAsyncDisposable
{
    /// <summary>What Redis says when it does nothing now.</summary>
    private static readonly string[] NotNow = ["LOADING", "READONLY", "MASTERDOWN", "NOREPLICAS", "BUSY", "OOM", "MISCONF"];

    private ConnectionMultiplexer? _connection;
    private ConnectionMultiplexer? _appends;

    public RedisKeys Keys { get; } = new(options.Prefix);

    public RedisOptions Options => options;

    public ConnectionMultiplexer Connection => _connection ?? throw new InvalidOperationException("The Redis engine has not been started.");

    /// <summary>Whether there is a connection by which commands go out.</summary>
    public bool IsConnected => _connection is { IsConnected: true };

    /// <summary>Time is the store's, and no node's. Only the clock of a test is given to it.</summary>
    private RedisValue Time => ReferenceEquals(time, TimeProvider.System) ? "" : (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>Connects.</summary>
    /// <exception cref="RedisRefusedException">Redis cannot be reached, or lets nobody in with these credentials.</exception>
    public async Task OpenAsync()
    {
        var settings = ConfigurationOptions.Parse(options.Connection);
        settings.ClientName ??= "duplexity";
        settings.AbortOnConnectFail = true;

        // Neither a key nor a channel outside of our prefix.
        settings.TieBreaker = "";
        settings.ConfigurationChannel = "";

        // What cannot go out now is not kept for later: its sender is told, and knows whether it is still worth sending.
        settings.BacklogPolicy = BacklogPolicy.FailFast;
        settings.AsyncTimeout = settings.SyncTimeout = (int)options.Timeout.TotalMilliseconds;
        settings.ConnectTimeout = Math.Max((int)options.Timeout.TotalMilliseconds, 1_000);
        settings.ReconnectRetryPolicy = new ExponentialRetry(100, 2_000);
        settings.HeartbeatInterval = TimeSpan.FromMilliseconds(Math.Min(1_000, options.Timeout.TotalMilliseconds / 2));
        try
        {
            _connection = await ConnectionMultiplexer.ConnectAsync(settings);
            await HearAsync(_connection, settings.ConnectTimeout);
            _appends = options.Replicas > 0 ? await ConnectionMultiplexer.ConnectAsync(settings) : null;
        }
        catch (RedisConnectionException e)
        {
            throw new RedisRefusedException($"Redis cannot be reached at {string.Join(", ", settings.EndPoints)} ({e.FailureType}). Start it, or set Duplexity:Redis:Connection to where it is and to credentials that it takes.", e);
        }
    }

    /// <summary>Runs a script as one step. The first argument, the clock's, is added.</summary>
    /// <exception cref="DuplexityException">Redis is away, and nothing was done (<see cref="Errors.Unavailable"/>); or it did not answer, and it may be done or not (<see cref="Errors.OutcomeUnknown"/>).</exception>
    public Task<RedisResult> RunAsync(string script, RedisKey[] keys, params RedisValue[] arguments) => RunAsync(Connection, script, keys, arguments);

    /// <summary>The same on the connection of the appends, which is the same one unless replicas are waited for: that would hold up everything else on it.</summary>
    /// <inheritdoc cref="RunAsync(string, RedisKey[], RedisValue[])"/>
    public Task<RedisResult> AppendAsync(string script, RedisKey[] keys, params RedisValue[] arguments) => RunAsync(_appends ?? Connection, script, keys, arguments);

    /// <summary>How many replicas have all appends that were sent so far; waits for them, half of <see cref="RedisOptions.Timeout"/> at most.</summary>
    /// <inheritdoc cref="RunAsync(string, RedisKey[], RedisValue[])"/>
    public async Task<int> WaitAsync() => (int)await AnswerAsync(() => _appends!.GetDatabase().ExecuteAsync("WAIT", options.Replicas, (int)options.Timeout.TotalMilliseconds / 2));

    /// <summary>Asks one thing that is no script.</summary>
    /// <inheritdoc cref="RunAsync(string, RedisKey[], RedisValue[])"/>
    public Task<T> AskAsync<T>(Func<IDatabase, Task<T>> ask) => AnswerAsync(() => ask(Connection.GetDatabase()));

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in new[] { _connection, _appends }.OfType<ConnectionMultiplexer>())
        {
            await connection.DisposeAsync();
        }
    }

    internal static DuplexityException Away(Exception? inner = null) =>
        new(DuplexityError.Of(Errors.Unavailable, "Redis is away; nothing was done, try again in a moment."), inner);

    private Task<RedisResult> RunAsync(ConnectionMultiplexer connection, string script, RedisKey[] keys, RedisValue[] arguments) =>
        AnswerAsync(() => connection.GetDatabase().ScriptEvaluateAsync(script, keys, [Time, .. arguments]));

    /// <summary>Until the connection that hears what is published is there as well: it is another one, for which the library does not wait.</summary>
    private static async Task HearAsync(ConnectionMultiplexer connection, int patience)
    {
        var subscriber = connection.GetSubscriber();
        for (var began = Stopwatch.GetTimestamp(); Array.Exists(connection.GetServers(), s => s is { IsConnected: true, IsReplica: false }) && !subscriber.IsConnected();)
        {
            if (Stopwatch.GetElapsedTime(began).TotalMilliseconds > patience)
            {
                throw new RedisConnectionException(ConnectionFailureType.UnableToConnect, "Redis takes commands, and no connection for what it publishes.");
            }

            await Task.Delay(5);
        }
    }

    /// <summary>Calls at once, so that calls go out in their order.</summary>
    private static async Task<T> AnswerAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (Exception e) when (e is RedisConnectionException or RedisTimeoutException)
        {
            throw Told(e);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or InvalidOperationException { Source: "System.IO.Pipelines" })
        {
            // The node stops; or the library wrote to a connection that broke in this very moment, and lets that through as it is.
            throw Told(e);
        }
        catch (RedisServerException e) when (Array.Exists(NotNow, word => e.Message.StartsWith(word, StringComparison.Ordinal)))
        {
            // It has not begun: Redis reads its file, is a replica now, lacks the replicas that it is set to have, or has no room.
            throw Away(e);
        }
    }

    /// <summary>What never left this process was not done. Anything else may be.</summary>
    private static DuplexityException Told(Exception e) => e is RedisConnectionException { CommandStatus: CommandStatus.WaitingToBeSent or CommandStatus.WaitingInBacklog }
        ? Away(e)
        : new DuplexityException(DuplexityError.Of(Errors.OutcomeUnknown, "Redis did not answer; what was asked of it may be done or not."), e);
}
