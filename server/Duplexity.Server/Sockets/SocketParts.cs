using Duplexity.Server.Channels;
using Duplexity.Server.Diagnostics;
using Duplexity.Server.Engine;
using Duplexity.Server.Pipes;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Sockets;

/// <summary>What every socket of a node works with.</summary>
internal sealed record SocketParts(
    ChannelIndex Channels, SocketIndex Index, IEngine Engine, Listening Listening, Membership Membership, SocketWatches Watches, Egress Egress, Answers Answers, Departures Departures, AwaitedReceipts Receipts, RoomRules Rules, SessionEnds Ends, TimeProvider Time,
    DuplexityOptions Options, Metrics Metrics, ILogger<Socket> Logger);
