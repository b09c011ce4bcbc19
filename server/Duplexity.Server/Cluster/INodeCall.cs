using System.Text.Json;

namespace Duplexity.Server.Cluster;

/// <summary>A part of the node that answers one kind of question of other nodes.</summary>
internal interface INodeCall
{
    /// <summary>What it answers: a word of its own, the path at the internal listener.</summary>
    string Kind { get; }

    /// <summary>Whether a front may ask it (G18); only other nodes otherwise.</summary>
    bool IsForFronts => false;

    /// <summary>Whether it is asked by those who are not written down yet.</summary>
    bool IsForNewcomers => false;

    /// <summary>Answers; what comes is parsed as untrusted, and <paramref name="from"/> is a node that is there.</summary>
    /// <exception cref="JsonException">The question cannot be read.</exception>
    ValueTask<byte[]> AnswerAsync(ReadOnlyMemory<byte> question, NodeInfo from, CancellationToken ct);
}

/// <summary>The same, in JSON.</summary>
internal abstract class NodeCall<TQuestion, TAnswer>(string kind) : INodeCall
    where TQuestion : class
{
    /// <inheritdoc/>
    public string Kind => kind;

    /// <inheritdoc/>
    public virtual bool IsForFronts => false;

    /// <inheritdoc/>
    public virtual bool IsForNewcomers => false;

    /// <inheritdoc/>
    public async ValueTask<byte[]> AnswerAsync(ReadOnlyMemory<byte> question, NodeInfo from, CancellationToken ct) =>
        JsonSerializer.SerializeToUtf8Bytes(await AnswerAsync(JsonSerializer.Deserialize<TQuestion>(question.Span) ?? throw new JsonException("null is no question."), from, ct));

    /// <summary>Answers a question.</summary>
    protected abstract ValueTask<TAnswer> AnswerAsync(TQuestion question, NodeInfo from, CancellationToken ct);
}
