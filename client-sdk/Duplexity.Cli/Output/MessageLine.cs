using System.Globalization;

namespace Duplexity.Cli.Output;

/// <summary>A message as <c>tail</c>, <c>chat</c> and <c>history</c> print it.</summary>
internal static class MessageLine
{
    /// <summary>Time, channel, sender and body on one line.</summary>
    public static string Text(Message message, TimeProvider time) => $"{Clock(message.SentAt, time)} {message.Channel} {message.From.Client}: {Body(message)}";

    /// <summary>The same without the channel, where there is only one.</summary>
    public static string Short(Message message, TimeProvider time) => $"{Clock(message.SentAt, time)} {message.From.Client}: {Body(message)}";

    /// <summary>The message with the member names of the wire.</summary>
    public static object Json(Message message) => new
    {
        message.Id,
        Channel = message.Channel.ToString(),
        message.From,
        message.For,
        message.Position,
        Attempt = message.Attempt > 1 ? message.Attempt : (int?)null,
        SentAt = message.SentAt.ToUnixTimeMilliseconds(),
        message.Type,
        message.ContentType,
        message.Re,
        Headers = message.Headers.Count > 0 ? message.Headers : null,
        message.Text,
        Bytes = message.Text is null ? message.Bytes.ToArray() : null,
    };

    /// <summary>Time of day on this machine, to the second.</summary>
    public static string Clock(DateTimeOffset at, TimeProvider time) =>
        TimeZoneInfo.ConvertTime(at, time.LocalTimeZone).ToString("HH:mm:ss", CultureInfo.InvariantCulture);

    private static string Body(Message message)
    {
        var body = message.Text ?? string.Create(CultureInfo.InvariantCulture, $"<{message.Bytes.Length} bytes>");
        return message.Type is { } type ? $"[{type}] {body}" : body;
    }
}
