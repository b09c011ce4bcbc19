using Duplexity.Server.Engine;
using Duplexity.Testing;
using Microsoft.Extensions.Time.Testing;

namespace Duplexity.Server.Tests.Engine;

/// <summary>The engine with its messages on disk keeps every engine's promises.</summary>
public sealed class SqliteEngineTests : EngineSpecification
{
    private protected override Task<EngineUnderTest> CreateAsync(FakeTimeProvider time, DuplexityOptions options, IRetention retention, IReadOnlyList<IEngineHandler> handlers) =>
        Task.FromResult<EngineUnderTest>(new SqliteEngineUnderTest(time, options, handlers[0], retention));
}
