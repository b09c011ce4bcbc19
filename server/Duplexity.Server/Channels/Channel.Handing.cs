using System.Diagnostics;
using Duplexity.Server.Diagnostics;

namespace Duplexity.Server.Channels;

/// <content>How entries are handed to those who listen.</content>
internal sealed partial class Channel
{
    private void Hand(Subscription[] live, List<Delivery> round)
    {
        if (round.Count == 0)
        {
            return;
        }

        Activity?[] spans = !Spans.AreHeard ? [] : [.. round.Where(d => d.Entry.Message.Span is not null).Select(d => Spans.Continue(d.Entry.Message.Span, "deliver")?.SetTag("duplexity.subscriptions", live.Length))];
        foreach (var subscription in live)
        {
            foreach (var delivery in round)
            {
                if (!subscription.HasRoom || IsApart(subscription.Cursor, delivery.Entry.Position))
                {
                    FallBehind(subscription);
                    break;
                }

                // A log read may have been ahead of the hints when it went live.
                if (delivery.Entry.Position.Offset > subscription.Cursor.Offset)
                {
                    Hand(subscription, delivery);
                }
            }

            subscription.Subscriber.Flush();
        }

        Array.ForEach(spans, span => span.End());
    }

    /// <summary>Whether an entry that is not above a place is another than that it has passed: it was stored instead of what the log has lost, or is from before the log began another epoch.</summary>
    private static bool IsApart(Position cursor, Position place) => place.Offset <= cursor.Offset && place.Epoch != cursor.Epoch;

    /// <summary>
    /// A burst fills a queue faster than any socket empties it. Such a reader goes on from the log at its own pace, and is live again when it has caught up;
    /// one that does not read at all is found by the age of what waits for it. One whose place may be lost finds out there, too.
    /// </summary>
    private void FallBehind(Subscription subscription)
    {
        lock (_lock)
        {
            subscription.IsLive = false;
        }

        _ = Task.Run(() => CatchUpAsync(subscription));
    }

    /// <summary>
    /// The place that was followed is gone from the log (G2, or retention overtook it). The next message will name this one as the place that it follows, which
    /// the client does not know: it sees the gap, joins again, and is told that its place cannot be served.
    /// </summary>
    private static void Move(Subscription subscription, Position place)
    {
        subscription.Cursor = place;
        subscription.Subscriber.Move(subscription, place);
    }

    private static void Hand(Subscription subscription, Delivery delivery)
    {
        subscription.Cursor = delivery.Entry.Position;
        if (!subscription.IsClosed)
        {
            subscription.Reading?.Handed();
            subscription.Subscriber.Enqueue(subscription, delivery);
        }
    }
}
