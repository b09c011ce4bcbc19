namespace Duplexity.Cli.Settings;

/// <summary>
/// Finds the tokens for a server: the development identity for the name that was asked for, else DUPLEXITY_TOKEN, else whoever is signed in there.
/// </summary>
internal static class Credentials
{
    public const string TokenVariable = "DUPLEXITY_TOKEN";

    private const string HowTo = "sign-in arrives with the next version; use a token: DUPLEXITY_TOKEN";

    /// <summary>Tokens for <paramref name="server"/>, checked as far as they can be before a connection is made.</summary>
    /// <exception cref="NotSignedInException">There are none, and the sentence says how to get some.</exception>
    /// <exception cref="DuplexityException">The server cannot be reached.</exception>
    public static async Task<Func<CancellationToken, ValueTask<string?>>> FindAsync(Invocation run, Uri server)
    {
        var name = run.NamedClient;
        if (name is not null && IsDevelopment(server))
        {
            return await DevelopmentAsync(run, server, name);
        }

        if (run.Environment(TokenVariable) is { } token)
        {
            if (name is not null && await WhoAmI.AskAsync(server, token, run.Cancel) is var me && !me.Holds(name))
            {
                throw new NotSignedInException($"DUPLEXITY_TOKEN is {me.Client}'s, not {name}'s.");
            }

            return _ => ValueTask.FromResult<string?>(token);
        }

        if ((name ?? run.SignIns.ClientAt(server)) is { } known)
        {
            return await DevelopmentAsync(run, server, known);
        }

        await WhoAmI.ReachAsync(server, run.Cancel);
        throw new NotSignedInException(IsDevelopment(server)
            ? $"Nobody is signed in at {ServerChoice.Origin(server)}: run duplexity login, or name somebody with --as."
            : $"Nobody is signed in at {ServerChoice.Origin(server)}: {HowTo}.");
    }

    /// <summary>Tokens of the development identity for <paramref name="name"/>; asks for one, so that what is wrong is said now.</summary>
    public static async Task<Func<CancellationToken, ValueTask<string?>>> DevelopmentAsync(Invocation run, Uri server, string name)
    {
        if (!Address.IsClientId(name))
        {
            throw new UsageException($"\"{name}\" cannot be a client's name.");
        }

        if (!DevelopmentToken.IsLoopback(server))
        {
            throw new NotSignedInException($"{ServerChoice.Origin(server)} is not on this machine: {HowTo}.");
        }

        var source = DevelopmentToken.For(server, name);
        try
        {
            await source(run.Cancel);
            return source;
        }
        catch (DuplexityException e) when (e.Code == Errors.Unavailable.Code)
        {
            // A server that is away and one that is not in Development look alike from there; which it is decides what the person must do.
            await WhoAmI.ReachAsync(server, run.Cancel);
            throw new NotSignedInException($"{ServerChoice.Origin(server)} does not give you a development identity (not in Development, or not your process): {HowTo}.");
        }
    }

    private static bool IsDevelopment(Uri server) => DevelopmentToken.IsLoopback(server) && File.Exists(DevelopmentSecret.PathFor(server.Port));
}
