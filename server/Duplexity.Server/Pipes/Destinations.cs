using Duplexity.Protocol;

namespace Duplexity.Server.Pipes;

/// <summary>One destination of a message on its way through the machine.</summary>
internal readonly record struct Destination(Address Address, string Text, DuplexityError? Error)
{
    /// <summary>Where a gate sent the message instead; null: here.</summary>
    public IReadOnlyList<Address>? Instead { get; init; }

    /// <summary>The gate that did so.</summary>
    public string? SentOnBy { get; init; }

    /// <summary>How many gates sent the message on before it came here; 0: the sender named it.</summary>
    public int Hops { get; init; }

    /// <summary>Whether the message goes in here.</summary>
    public bool IsTaking => Error is null && Instead is null;

    public DestinationResult Result(Position? position, int? listeners) => new() { To = Text, Position = position, Error = Error, Listeners = listeners };
}

/// <summary>Reads a request's list of destinations.</summary>
internal static class Destinations
{
    /// <summary>
    /// Each address once, in order. The whole list is refused when it is empty or too long; a single bad address is refused for itself, and named.
    /// </summary>
    public static DuplexityError? Read(string[]? to, out List<Destination> destinations)
    {
        destinations = [];
        if (to is null or { Length: 0 })
        {
            return DuplexityError.Of(Errors.InvalidRequest, "A message needs at least one destination in `to`; Emit is the verb for a message without.");
        }

        if (to.Length > Wire.MaxDestinations)
        {
            var error = DuplexityError.Of(Errors.InvalidRequest, $"A message has at most {Wire.MaxDestinations} destinations; this one has {to.Length}.");
            return error with { Limit = "destinations", Used = to.Length };
        }

        var seen = new HashSet<Address>();
        foreach (var text in to)
        {
            if (!Address.TryRead(text, out var address, out var problem))
            {
                destinations.Add(new Destination(default, VisibleText.Of(text, Address.MaxBytes), DuplexityError.Of(Errors.InvalidAddress, problem)));
            }
            else if (seen.Add(address))
            {
                destinations.Add(new Destination(address, address.ToString(), null));
            }
        }

        return null;
    }
}
