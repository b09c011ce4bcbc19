namespace Duplexity.Server.Engine;

/// <summary>Marks an endpoint that admits somebody: while the engine is away it answers 503 with <c>Retry-After</c> before anything else.</summary>
internal sealed class NeedsEngine;
