using Duplexity.Server.Engine;
using Duplexity.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Tests.Engine;

/// <summary>The memory engine, which has one node, and loses what came after a copy of its log by going on with the copy.</summary>
internal sealed class MemoryEngineUnderTest : EngineUnderTest
{
    private readonly TimeProvider _time;
    private readonly DuplexityOptions _options;
    private readonly IEngineHandler _handler;
    private EmbeddedEngine _engine;
    private MemoryMessageLog? _mark;

    public MemoryEngineUnderTest(TimeProvider time, DuplexityOptions options, IEngineHandler handler, ILogger<EmbeddedEngine>? logger = null, IRecords? records = null, IRetention? retention = null)
    {
        _time = time;
        _options = options;
        _handler = handler;
        _engine = new EmbeddedEngine(time, Options.Create(options), logger ?? NullLogger<EmbeddedEngine>.Instance, records, retention);
        _engine.Attach(handler);
    }

    public override IReadOnlyList<IEngine> Nodes => [_engine];

    public override ReceiptLevel Level => ReceiptLevel.Accepted;

    public override Task MarkAsync()
    {
        _mark = ((MemoryMessageLog)_engine.Log).CopyAs(EmbeddedEngine.NewIncarnation());
        return Task.CompletedTask;
    }

    public override Task LoseSinceMarkAsync()
    {
        _engine.Dispose();
        _engine = new EmbeddedEngine(_time, _options, _mark ?? throw new InvalidOperationException("Mark first."));
        _engine.Attach(_handler);
        return Task.CompletedTask;
    }

    public override Task RestartAsync()
    {
        var records = _engine.Records;
        _engine.Dispose();
        _engine = new EmbeddedEngine(_time, Options.Create(_options), NullLogger<EmbeddedEngine>.Instance, records);
        _engine.Attach(_handler);
        return Task.CompletedTask;
    }

    public override ValueTask DisposeAsync()
    {
        _engine.Dispose();
        return ValueTask.CompletedTask;
    }
}
