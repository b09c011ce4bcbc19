using System.Threading.Channels;

namespace Duplexity.Testing;

/// <summary>What one subscription hears, in order, for a test to take one by one.</summary>
public sealed class Heard : IDisposable
{
    private readonly Channel<Message> _messages = Channel.CreateUnbounded<Message>();
    private readonly IDisposable _handler;

    /// <summary>Listens from now on.</summary>
    public Heard(Subscription subscription) =>
        _handler = subscription.OnMessage((message, ct) => _messages.Writer.WriteAsync(message, ct));

    /// <summary>Whether nothing waits to be taken.</summary>
    public bool HasNothing => _messages.Reader.Count == 0;

    /// <summary>The next message.</summary>
    public Task<Message> NextAsync(TimeSpan? timeout = null) => _messages.Reader.ReadAsync().Soon(timeout, "the next message");

    /// <summary>The texts of the next messages.</summary>
    public async Task<IReadOnlyList<string?>> TextsAsync(int count)
    {
        var texts = new List<string?>();
        for (var i = 0; i < count; i++)
        {
            texts.Add((await NextAsync()).Text);
        }

        return texts;
    }

    /// <summary>
    /// The texts before <paramref name="last"/>: how a test shows that something did not come. It sends what it forbids, then a mark that must come, and looks
    /// at what was before the mark.
    /// </summary>
    public async Task<IReadOnlyList<string?>> TextsBeforeAsync(string last)
    {
        var texts = new List<string?>();
        while ((await NextAsync()).Text is var text && text != last)
        {
            texts.Add(text);
        }

        return texts;
    }

    /// <inheritdoc/>
    public void Dispose() => _handler.Dispose();
}
