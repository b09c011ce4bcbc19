using System.Threading.Channels;

namespace Duplexity.Server.Auth;

/// <summary>What the one who waits is told.</summary>
internal sealed record SignInEvent(string Name, Person? Person = null, DuplexityError? Error = null)
{
    public const string Approved = "approved";
    public const string Tokens = "tokens";
    public const string Failed = "failed";
}

/// <summary>The open answer on which a program waits at this node. Thread-safe.</summary>
internal sealed class OpenAnswer(SignIn begun)
{
    private readonly Lock _lock = new();
    private readonly Channel<SignInEvent> _events = Channel.CreateBounded<SignInEvent>(SignIn.Browsers + 1);
    private SignIn _seen = begun;

    /// <summary>The sign-in as it was at the beginning.</summary>
    public SignIn Begun { get; } = begun;

    /// <summary>What it is told.</summary>
    public ChannelReader<SignInEvent> Events => _events.Reader;

    /// <summary>Tells it what is new in the sign-in, once; null, of one that is gone, is nothing new.</summary>
    public void See(SignIn? signIn)
    {
        lock (_lock)
        {
            if (signIn is null || _seen.IsOver)
            {
                return;
            }

            if (signIn.IsOver)
            {
                _events.Writer.TryWrite(new(signIn.Person is null ? SignInEvent.Failed : SignInEvent.Tokens, signIn.Person, signIn.Error));
                _events.Writer.TryComplete();
            }
            else if (signIn.Approved is { } approved && approved != _seen.Approved)
            {
                _events.Writer.TryWrite(new(SignInEvent.Approved));
            }

            _seen = signIn;
        }
    }
}
