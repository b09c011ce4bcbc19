namespace Duplexity.Cli.Settings;

/// <summary>
/// Finds the tokens for a server: the development identity for the name that was asked for, else DUPLEXITY_KEY, else DUPLEXITY_TOKEN, else whoever is signed in there.
/// </summary>
internal static class Credentials
{
    public const string TokenVariable = "DUPLEXITY_TOKEN";

    public const string KeyVariable = "DUPLEXITY_KEY";

    private const string HowTo = "run duplexity login, or bring DUPLEXITY_KEY or DUPLEXITY_TOKEN";

    /// <summary>A token that ends within this is renewed first.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(60);

    /// <summary>Tokens for <paramref name="server"/>, checked as far as they can be before a connection is made; with <paramref name="mayAsk"/> of whoever sits at the terminal and signs in now.</summary>
    /// <exception cref="NotSignedInException">There are none, and the sentence says how to get some.</exception>
    /// <exception cref="DuplexityException">The server cannot be reached.</exception>
    public static async Task<Func<CancellationToken, ValueTask<string?>>> FindAsync(Invocation run, Uri server, bool mayAsk = false)
    {
        var name = run.NamedClient;
        if (name is not null && await IsDevelopmentAsync(run, server))
        {
            return await DevelopmentAsync(run, server, name);
        }

        if (run.Environment(KeyVariable) is { } key)
        {
            CheckLine(run, server, KeyVariable);
            return await CheckedAsync(run, server, AccessTokens.ForKey(server, key, run.Around.Time), KeyVariable);
        }

        if (run.Environment(TokenVariable) is { } token)
        {
            CheckLine(run, server, TokenVariable);
            return await CheckedAsync(run, server, _ => ValueTask.FromResult<string?>(token), TokenVariable);
        }

        if ((name ?? run.SignIns.ClientAt(server)) is { } known)
        {
            return await OfAsync(run, server, known);
        }

        await WhoAmI.ReachAsync(server, run.Cancel);
        var isDevelopment = await IsDevelopmentAsync(run, server);
        if (mayAsk && !isDevelopment && await Login.CanAskAsync(run, server))
        {
            run.Terminal.Note($"nobody is signed in at {ServerChoice.Origin(server)} yet: sign in to go on");
            var (person, _) = await Login.PersonAsync(run, server, isBrowserHere: true);
            run.Terminal.Note($"signed in as {person}");
            return cancel => KeptAsync(run, server, person, cancel);
        }

        throw new NotSignedInException(isDevelopment
            ? $"Nobody is signed in at {ServerChoice.Origin(server)}: run duplexity login, or name somebody with --as."
            : $"Nobody is signed in at {ServerChoice.Origin(server)}: {HowTo}.");
    }

    /// <summary>Tokens of a client that is signed in at <paramref name="server"/>.</summary>
    /// <exception cref="NotSignedInException">It is not.</exception>
    public static async Task<Func<CancellationToken, ValueTask<string?>>> OfAsync(Invocation run, Uri server, string client) =>
        run.SignIns.TokensOf(server, client) is not null ? cancel => KeptAsync(run, server, client, cancel) : await DevelopmentAsync(run, server, client);

    /// <summary>Who is signed in at <paramref name="server"/>, the default one first; empty where the command line or the environment names somebody or brings a credential of its own.</summary>
    public static IReadOnlyList<string> SignedIn(Invocation run, Uri server) =>
        run.NamedClient is null && run.Environment(KeyVariable) is null && run.Environment(TokenVariable) is null
            ? [.. run.SignIns.ClientsAt(server).OrderBy(c => c != run.SignIns.ClientAt(server))]
            : [];

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

    private static void CheckLine(Invocation run, Uri server, string variable)
    {
        if (server.Scheme != Uri.UriSchemeHttps && !DevelopmentToken.IsLoopback(server) && !run.IsInsecure)
        {
            throw new UsageException($"{variable} would go to {ServerChoice.Origin(server)} in the clear, for everybody on the way to read: use https, or say --insecure.");
        }
    }

    // What --as asks for and a credential from the environment does not give is said before anything is done as somebody else.
    private static async Task<Func<CancellationToken, ValueTask<string?>>> CheckedAsync(Invocation run, Uri server, Func<CancellationToken, ValueTask<string?>> source, string variable)
    {
        if (run.NamedClient is { } name && await source(run.Cancel) is { } token && await WhoAmI.AskAsync(server, token, run.Cancel) is var me && !me.Holds(name))
        {
            throw new NotSignedInException($"{variable} is {me.Client}'s, not {name}'s.");
        }

        return source;
    }

    /// <summary>The kept access token, renewed where it ends; of two commands at once one renews it.</summary>
    private static async ValueTask<string?> KeptAsync(Invocation run, Uri server, string client, CancellationToken cancel)
    {
        var kept = SignIns.Load(run.Folder).TokensOf(server, client);
        if (kept is not null && kept.ExpiresAt - run.Around.Time.GetUtcNow() > Margin)
        {
            return kept.AccessToken;
        }

        return await SignIns.AloneAsync(run.Folder, async signIns =>
        {
            var there = signIns.TokensOf(server, client);
            if (there is null || there.ExpiresAt - run.Around.Time.GetUtcNow() > Margin)
            {
                return there?.AccessToken;
            }

            if (there.RefreshToken is null)
            {
                throw IsOver(server, client);
            }

            try
            {
                var renewed = await AccessTokens.RefreshAsync(server, there.RefreshToken, run.Around.Time, cancel);
                signIns.Keep(server, renewed);
                return renewed.AccessToken;
            }
            catch (DuplexityException e) when (e.Code == Errors.TokenRefused.Code)
            {
                throw IsOver(server, client);
            }
        }, cancel);
    }

    // In the middle of a connection this ends it: nothing that it could wait for brings the sign-in back.
    private static DuplexityException IsOver(Uri server, string client) =>
        new(DuplexityError.Of(Errors.TokenRefused, $"The sign-in of {client} at {ServerChoice.Origin(server)} is over: {HowTo}."));

    /// <summary>Whether any name may be signed in there by this user. The secret alone does not say so: a node that was killed leaves it behind, for whatever listens on the port next.</summary>
    public static async Task<bool> IsDevelopmentAsync(Invocation run, Uri server) =>
        DevelopmentToken.IsLoopback(server) && File.Exists(DevelopmentSecret.PathFor(server.Port)) && !await WhoAmI.DeniesDevelopmentAsync(server, run.Cancel);
}
