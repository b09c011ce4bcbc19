using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Diagnostics;

/// <summary>What reserved names and custom domains write to the log.</summary>
internal static partial class Log
{
    [LoggerMessage(4100, LogLevel.Information, "{Name} is reserved by {Client}")]
    public static partial void NameReserved(ILogger logger, string name, string client);

    [LoggerMessage(4101, LogLevel.Information, "{Name} of {Client} is released by {By}")]
    public static partial void NameReleased(ILogger logger, string name, string client, string by);

    [LoggerMessage(4102, LogLevel.Warning, "Pipe {Pipe} of {Client} is closed: its domain is not proven any more")]
    public static partial void ProofLost(ILogger logger, string pipe, string client);

    [LoggerMessage(4103, LogLevel.Warning, "The DNS could not be asked about {Domain}")]
    public static partial void DnsUnreachable(ILogger logger, string domain);

    [LoggerMessage(4104, LogLevel.Warning, "Custom domains could not be checked")]
    public static partial void DomainsNotChecked(ILogger logger, Exception exception);

    [LoggerMessage(4105, LogLevel.Warning, "The key of domain proofs could not be opened, and another was drawn: TXT records of clients have to be made anew")]
    public static partial void ProofKeyLost(ILogger logger);

    [LoggerMessage(4106, LogLevel.Warning, "{Name} is not reserved for {Client} any more: its domain is not proven any more, and is {NewOwner}'s")]
    public static partial void ReservationLost(ILogger logger, string name, string client, string newOwner);
}
