namespace Duplexity;

/// <summary>What is sent to this client, and to this socket.</summary>
public sealed class Inbox : Subscription
{
    internal Inbox(DuplexityConnection connection, Address address)
        : base(connection, address)
    {
    }
}
