using System.Runtime.CompilerServices;
using Duplexity.Reading;

namespace Duplexity;

/// <summary>
/// A channel that the connection listens to. Messages wait in a buffer of <see cref="DuplexityConnectionOptions.ReadBuffer"/> until they are read. Each reader
/// (an enumeration of <see cref="ReadAllAsync(CancellationToken)"/>, or a handler of <see cref="OnMessage"/>) sees every message that is still buffered when it begins and all that come later, in order, each
/// id once; a message leaves the buffer when the slowest reader has it. When the buffer is full the channel pauses, and catches up from the log once there is
/// room; other channels go on. It outlives reconnects: what was missed meanwhile comes first. Thread-safe.
/// </summary>
public abstract class Subscription : IAsyncDisposable
{
    private readonly Observers _observers;

    private protected Subscription(DuplexityConnection connection, Address address, Observers observers)
    {
        Connection = connection;
        Address = address;
        _observers = observers;
    }

    /// <summary>The channel.</summary>
    public Address Address { get; }

    /// <summary>The place up to which messages have reached the buffer: where <see cref="JoinOptions.Since"/> would go on after it. Null before the first join.</summary>
    public Position? Position => Listener.Last;

    private protected DuplexityConnection Connection { get; }

    internal abstract Listener Listener { get; }

    /// <summary>
    /// The messages, one after the other. Ends when the subscription or its connection is disposed; throws when the server refuses the channel or ends the
    /// connection for good.
    /// </summary>
    /// <exception cref="DuplexityException">The subscription is over, and not by this program's wish.</exception>
    public IAsyncEnumerable<Message> ReadAllAsync(CancellationToken ct = default)
    {
        Begin();
        return Enumerate(ct);

        async IAsyncEnumerable<Message> Enumerate([EnumeratorCancellation] CancellationToken stop)
        {
            using var reader = Listener.Buffer.Open();
            while (await reader.WaitAsync(stop).ConfigureAwait(false))
            {
                while (reader.TryRead(out var message))
                {
                    yield return message;
                }
            }
        }
    }

    /// <summary>
    /// The messages whose body is a <typeparamref name="T"/>: for <see cref="string"/> the plain texts, for <c>byte[]</c> and <c>ReadOnlyMemory&lt;byte&gt;</c> the
    /// plain bytes, else those whose <see cref="Message.Type"/> is the name of T. Others are passed by, and a body that does not parse as well: <see cref="OnFault"/> is told.
    /// </summary>
    /// <exception cref="DuplexityException">As with <see cref="ReadAllAsync(CancellationToken)"/>.</exception>
    public IAsyncEnumerable<Message<T>> ReadAllAsync<T>(CancellationToken ct = default)
    {
        Begin();
        return Enumerate(ct);

        async IAsyncEnumerable<Message<T>> Enumerate([EnumeratorCancellation] CancellationToken stop)
        {
            await foreach (var message in ReadAllAsync(stop).ConfigureAwait(false))
            {
                if (Bodies.IsOf<T>(message) && TryRead<T>(message, out var typed))
                {
                    yield return typed;
                }
            }
        }
    }

    /// <summary>
    /// Calls <paramref name="handler"/> with each message, in order, the next one when the last call has completed. One that throws is told to
    /// <see cref="OnFault"/> and does not stop the others. Dispose the result to stop; its token is cancelled then.
    /// </summary>
    public IDisposable OnMessage(Func<Message, CancellationToken, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        var stop = new CancellationTokenSource();
        var reader = Listener.Buffer.Open();
        Begin();
        _ = Task.Run(() => HandleAsync(reader, handler, stop.Token));
        return new Undo(stop.Cancel);
    }

    /// <summary>Tells of places that could not be served any more; a gap from before the first handler is told to that one. Dispose the result to stop.</summary>
    public IDisposable OnGap(Action<Gap> handler) => _observers.AddGap(handler);

    /// <summary>Tells of messages whose body could not be read as the asked type, or whose handler threw. Dispose the result to stop.</summary>
    public IDisposable OnFault(Action<Message, Exception> handler) => _observers.AddFault(handler);

    /// <summary>Sends to the channel; see <see cref="DuplexityConnection.SendAsync{T}(Address, T, SendOptions?, CancellationToken)"/>.</summary>
    /// <exception cref="DuplexityException">It was refused, or its outcome is not known.</exception>
    public Task<Receipt> SendAsync<T>(T body, SendOptions? options = null, CancellationToken ct = default) => Connection.SendAsync(Address, body, options, ct);

    /// <summary>Reads the channel's log, apart from what is listened to; see <see cref="DuplexityConnection.HistoryAsync"/>.</summary>
    /// <exception cref="DuplexityException">It was refused.</exception>
    public IAsyncEnumerable<Message> HistoryAsync(HistoryOptions? options = null, CancellationToken ct = default) => Connection.HistoryAsync(Address, options, ct);

    /// <summary>Stops listening: readers end after what is buffered. Telling the server is a courtesy and never throws.</summary>
    public ValueTask DisposeAsync() => Connection.LeaveAsync(Listener);

    private protected async IAsyncEnumerable<PresenceChange> WatchMembersAsync([EnumeratorCancellation] CancellationToken ct)
    {
        var watch = new PresenceWatch(stop => Connection.AskPresenceAsync(Address, Listener.As, countOnly: false, stop));
        using var watching = Listener.Watch(watch);
        await foreach (var change in watch.ReadAsync(ct).ConfigureAwait(false))
        {
            yield return change;
        }
    }

    private protected virtual void Begin()
    {
    }

    private async Task HandleAsync(ReadBuffer.Reader reader, Func<Message, CancellationToken, ValueTask> handler, CancellationToken stop)
    {
        using (reader)
        {
            try
            {
                while (await reader.WaitAsync(stop).ConfigureAwait(false))
                {
                    while (!stop.IsCancellationRequested && reader.TryRead(out var message))
                    {
                        await CallAsync(message).ConfigureAwait(false);
                    }
                }
            }
            catch (OperationCanceledException)
            {
                // The handler was taken off.
            }
            catch (DuplexityException)
            {
                // The subscription is over: said in the log where it was refused, and by Closed where the connection is.
            }
        }

        async ValueTask CallAsync(Message message)
        {
            try
            {
                await handler(message, stop).ConfigureAwait(false);
            }
            catch (Exception e) when (!(e is OperationCanceledException && stop.IsCancellationRequested))
            {
                _observers.Fault(message, e);
            }
        }
    }

    private bool TryRead<T>(Message message, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Message<T>? typed)
    {
        try
        {
            typed = new Message<T>(message, Bodies.Read<T>(message));
            return true;
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or NotSupportedException)
        {
            typed = null;
            _observers.Fault(message, e);
            return false;
        }
    }
}
