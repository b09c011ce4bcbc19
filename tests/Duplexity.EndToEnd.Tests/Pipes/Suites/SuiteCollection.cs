using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes.Suites;

/// <summary>The suites run one after the other, on one <see cref="SuiteStage"/>.</summary>
[CollectionDefinition(nameof(SuiteCollection))]
public sealed class SuiteCollection : ICollectionFixture<SuiteStage>;
