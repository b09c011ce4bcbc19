using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes;

/// <summary>What a message brings along that a client's own pipe carries: who sent it first, the way that it came, and the source place that makes it go in once (G20). Immutable.</summary>
internal sealed record Carried(string MessageId, Origin From, StoredPath Path, SourcePlace Source);
