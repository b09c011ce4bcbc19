namespace Duplexity.Protocol;

/// <summary>The numbers and words of the protocol that both sides must agree on. PROTOCOL.md explains each.</summary>
public static class Wire
{
    /// <summary>The version that this assembly speaks. A client states its own in Open and Discover; a mismatch is error 104.</summary>
    public const int Version = 1;

    /// <summary>The largest hub message in bytes, framing included: 64 KB, so that one message never holds up a connection for long.</summary>
    public const int MaxMessageBytes = 64 * 1024;

    /// <summary>The most destinations of one send.</summary>
    public const int MaxDestinations = 100;

    /// <summary>The most bytes of all header names and values of one message together, in UTF-8.</summary>
    public const int MaxHeaderBytes = 4 * 1024;

    /// <summary>The longest type name, idempotency key, session and message id, in characters.</summary>
    public const int MaxNameLength = 128;

    /// <summary>The most messages that one History or recovery page has.</summary>
    public const int MaxPage = 1000;

    /// <summary>The longest answer to a challenge, in characters.</summary>
    public const int MaxAnswerLength = 4 * 1024;

    /// <summary>The message header by which a request asks for its answer at the socket that sent it; its value is <c>socket</c>. Whoever has the message may answer there, with <c>re</c> its id.</summary>
    public const string ReplyHeader = "duplexity-reply";

    /// <summary>The request header of <c>/data/carry</c> that has the carry ticket. Never a query or a path: those are logged (G14).</summary>
    public const string CarryHeader = "Duplexity-Carry";

    /// <summary>The first byte that a node sends on a carrier: a visitor is there, dial the resource now.</summary>
    public const byte CarryGo = 1;

    /// <summary>The WebSocket close status by which a client says that its resource could not be reached.</summary>
    public const int CarryResourceAway = 4502;
}

/// <summary>What <see cref="DisconnectedEvent.Retry"/> can say.</summary>
public static class Retry
{
    /// <summary>Come back, with back-off.</summary>
    public const string Again = "again";

    /// <summary>Come back, at another node.</summary>
    public const string Elsewhere = "elsewhere";

    /// <summary>Stay away until a person decides.</summary>
    public const string Never = "never";

    /// <summary>The word that goes with a 5xx code, by its tens.</summary>
    public static string Of(int code) => (code % 100 / 10) switch { 0 => Again, 1 => Elsewhere, _ => Never };
}

/// <summary>The words of receipt levels on the wire; see <see cref="ReceiptLevel"/>.</summary>
public static class Levels
{
    /// <summary>What a receipt says of a message that waits for an answer to a challenge: no level yet. What becomes of it comes as <see cref="IDataClient.ReceiptChanged"/>.</summary>
    public const string Held = "held";

    private static readonly string[] Words = ["accepted", "written", "fsynced", "replicated", "stored", "delivered", "acknowledged"];

    /// <summary>The word of <paramref name="level"/>.</summary>
    public static string Word(ReceiptLevel level) => Words[(int)level];

    /// <summary>The level of <paramref name="word"/>; false where there is none.</summary>
    public static bool TryRead(string? word, out ReceiptLevel level)
    {
        var index = Array.IndexOf(Words, word);
        level = (ReceiptLevel)Math.Max(index, 0);
        return index >= 0;
    }
}

/// <summary>Who may send to a socket's own address; see <see cref="OpenRequest.Direct"/>.</summary>
public static class DirectRule
{
    /// <summary>Only the clients that the socket holds: a person's own devices. The default.</summary>
    public const string Own = "own";

    /// <summary>Whoever knows the socket's id.</summary>
    public const string Anyone = "anyone";
}
