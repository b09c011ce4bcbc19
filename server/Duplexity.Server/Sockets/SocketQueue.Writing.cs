using System.Buffers;
using Duplexity.Server.Channels;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Microsoft.AspNetCore.SignalR;

namespace Duplexity.Server.Sockets;

/// <content>The one writer: takes what waits, round by round, and hands it to the transport.</content>
internal sealed partial class SocketQueue
{
    /// <summary>The most that goes into one write: what the transport's pipe takes before it pauses.</summary>
    private const int WriteBytes = 64 * 1024;

    // For the writer alone.
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly HashSet<Subscription> _read = [];
    private readonly List<LogEntry> _awaited = [];
    private int _delivered;

    private async Task WriteAsync()
    {
        try
        {
            while (TakeRound() is { } frames)
            {
                var written = frames.IsEmpty ? default : connection.WriteAsync(new SerializedHubMessage([new SerializedMessage(connection.Protocol.Name, frames)]), CancellationToken.None);
                Handed();
                metrics.Delivered(_delivered);
                _delivered = 0;
                await written;
                TellRead();
            }
        }
        catch (Exception e)
        {
            // One bad frame must not leave the socket silent for ever.
            logger.SocketWriteFailed(socket.Id, e);
            connection.Abort();
            Handed();
        }
    }

    private void Count(in Item item)
    {
        if (item.Kind is not (Kind.Delivery or Kind.Again))
        {
            return;
        }

        _delivered++;
        if (metrics.TimesDeliveries)
        {
            metrics.Waited(time.GetElapsedTime(item.Since));
        }
    }

    private void Handed()
    {
        lock (_lock)
        {
            HandedUnsynchronized();
        }
    }

    /// <summary>What was read of inboxes, and what a sender awaits, is with the transport now.</summary>
    private void TellRead()
    {
        foreach (var entry in _awaited)
        {
            socket.Written(entry);
        }

        _awaited.Clear();
        foreach (var subscription in _read)
        {
            subscription.Reading!.Written(subscription.Passed);
        }

        _read.Clear();
    }

    private void HandedUnsynchronized()
    {
        _isTaking = false;
        _handed?.SetResult();
        _handed = null;
    }

    /// <summary>The next frames as one run of bytes; empty where every entry was withheld; null when nothing waits and this writer is done.</summary>
    private ReadOnlyMemory<byte>? TakeRound()
    {
        _buffer.ResetWrittenCount();
        while (true)
        {
            Item item;
            lock (_lock)
            {
                if ((IsSilent && !_isOver) || !_items.TryDequeue(out item))
                {
                    if (_buffer.WrittenCount > 0 || _read.Count > 0)
                    {
                        return _buffer.WrittenMemory;
                    }

                    _isWriting = false;
                    HandedUnsynchronized();
                    if (_isOver)
                    {
                        _finished.TrySetResult();
                    }

                    return null;
                }

                _isTaking = true;
                _bytes = Math.Max(0, _bytes - item.Size);
                if (_room is not null && HasRoom)
                {
                    _room.TrySetResult();
                    _room = null;
                }
            }

            if (Frame(item) is { } frame)
            {
                _buffer.Write(frame.Span);
                Count(item);
            }

            if (_withheld.Count > 0 && item.Subscription is { } looked)
            {
                SettleWithheld(looked);
            }

            if (_buffer.WrittenCount >= WriteBytes)
            {
                return _buffer.WrittenMemory;
            }
        }
    }
}
