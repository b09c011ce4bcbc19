namespace Duplexity.Server.Pipes.Cooked;

/// <summary>A knuckle as it was added.</summary>
internal sealed record KnuckleRegistration(string Name, string Pattern, Func<IServiceProvider, IKnuckle> Create)
{
    /// <exception cref="ArgumentException">The pattern cannot be one.</exception>
    public static KnuckleRegistration Of(string name, string pattern, Func<IServiceProvider, IKnuckle> create) => pattern is { Length: > 0 and <= Pipes.Pattern.MaxLength }
        ? new(name, pattern, create)
        : throw new ArgumentException($"A pattern has 1 to {Pipes.Pattern.MaxLength} characters.", nameof(pattern));
}

/// <summary>The application's knuckles. Thread-safe.</summary>
internal sealed class Knuckles(IEnumerable<KnuckleRegistration> registrations, IServiceProvider services, TimeProvider time, DuplexityOptions options)
{
    // Made late: a knuckle may want what its messages go through, IDuplexity.
    private readonly (string Name, string Pattern, Lazy<IKnuckle> Knuckle)[] _knuckles =
        [.. registrations.Select(r => (r.Name, r.Pattern, new Lazy<IKnuckle>(() => r.Create(services))))];

    /// <summary>Whether a knuckle stands at a channel.</summary>
    public bool StandAt(Address channel) => Array.Exists(_knuckles, k => Pattern.Matches(k.Pattern, channel.ToString()));

    /// <summary>Asks those that stand at the pipe's source, one after the other.</summary>
    /// <exception cref="CookingException">One of them failed, was too late, or chose what was not offered.</exception>
    public async Task<(IReadOnlyList<Address> Chosen, IReadOnlyList<string> Said)> ChooseAsync(KnuckleContext first)
    {
        var (edges, said) = (first.Edges, new List<string>());
        foreach (var (name, _, knuckle) in _knuckles.Where(k => Pattern.Matches(k.Pattern, first.From.ToString())))
        {
            var context = new KnuckleContext { Owner = first.Owner, Pipe = first.Pipe, From = first.From, Message = first.Message, Edges = edges };
            var chosen = await AskAsync(name, knuckle, context);
            if (chosen.Where(c => !edges.Contains(c)).ToArray() is [var invented, ..])
            {
                throw new CookingException($"The knuckle {name} chose {VisibleText.Of(invented.ToString())}, which is no edge of this pipe.");
            }

            edges = [.. edges.Where(chosen.Contains)];
            said.AddRange(context.Announced);
        }

        return (edges, said);
    }

    private async Task<IReadOnlyCollection<Address>> AskAsync(string name, Lazy<IKnuckle> knuckle, KnuckleContext context)
    {
        using var late = new CancellationTokenSource(options.MessagePipes.Knuckle, time);
        try
        {
            return await knuckle.Value.ChooseAsync(context, late.Token).AsTask().WaitAsync(options.MessagePipes.Knuckle, time)
                ?? throw new CookingException($"The knuckle {name} answered null.");
        }
        catch (Exception e) when (e is not CookingException)
        {
            throw new CookingException($"The knuckle {name} {(e is TimeoutException or OperationCanceledException ? "did not answer in time" : $"failed with {e.GetType().Name}")}.");
        }
    }
}
