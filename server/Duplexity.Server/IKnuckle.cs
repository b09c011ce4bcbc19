namespace Duplexity.Server;

/// <summary>
/// A place where the edges of message pipes branch, in the hands of the application: it picks among the destinations that a pipe has for a message. Added by <see cref="DuplexityKnuckles.AddKnuckle{T}"/>. What it
/// chose is written down before the message goes on and is not asked again after a crash. Throwing, taking longer than <see cref="MessagePipeOptions.Knuckle"/>, or choosing what was not offered fails closed:
/// the message is a dead letter. Thread-safe.
/// </summary>
public interface IKnuckle
{
    /// <summary>Chooses.</summary>
    /// <param name="context">The message and the edges.</param>
    /// <param name="ct">Cancelled when time is up.</param>
    /// <returns>A subset of <see cref="KnuckleContext.Edges"/>; empty: the message ends here, a dead letter.</returns>
    ValueTask<IReadOnlyCollection<Address>> ChooseAsync(KnuckleContext context, CancellationToken ct);
}

/// <summary>What a knuckle chooses from. An application's tests make their own.</summary>
public sealed class KnuckleContext
{
    private readonly List<string> _said = [];

    /// <summary>The pipe's owner: as whom the message is carried.</summary>
    public required string Owner { get; init; }

    /// <summary>The pipe's id among its owner's.</summary>
    public required string Pipe { get; init; }

    /// <summary>The channel in which the pipe took the message.</summary>
    public required Address From { get; init; }

    /// <summary>The message as it would go on; <see cref="GateMessage.From"/> is its first sender.</summary>
    public required GateMessage Message { get; init; }

    /// <summary>The edges that are there: the pipe's destinations, less what earlier knuckles took away.</summary>
    public required IReadOnlyList<Address> Edges { get; init; }

    /// <summary>Announces something on <see cref="ServiceChannel.Cooked"/> when the choice is made; at most eight sentences are kept.</summary>
    public void Announce(string sentence)
    {
        lock (_said)
        {
            if (_said.Count < 8)
            {
                _said.Add(sentence);
            }
        }
    }

    /// <summary>What was announced.</summary>
    public IReadOnlyList<string> Announced
    {
        get
        {
            lock (_said)
            {
                return [.. _said];
            }
        }
    }
}
