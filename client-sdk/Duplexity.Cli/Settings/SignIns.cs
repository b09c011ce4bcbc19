using System.Text.Json;
using System.Text.Json.Serialization;

namespace Duplexity.Cli.Settings;

/// <summary>
/// What the command line remembers between two runs: the default server, who is signed in where, and what was confirmed. One JSON file of mode 600 in the
/// user's configuration folder; identities are kept by server origin, and never shown to another (G25).
/// </summary>
internal sealed class SignIns
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(50);

    private readonly string _path;
    private readonly Content _content;

    private SignIns(string path, Content content)
    {
        _path = path;
        _content = content;
    }

    /// <summary>The server of the last sign-in.</summary>
    public string? Server => _content.Server;

    /// <summary>Reads the file under <paramref name="folder"/>, which need not be there.</summary>
    /// <exception cref="IOException">It is there and cannot be read; the message names it.</exception>
    public static SignIns Load(string folder)
    {
        var path = Path.Combine(folder, "duplexity", "signed-in.json");
        try
        {
            return new SignIns(path, File.Exists(path) ? JsonSerializer.Deserialize<Content>(File.ReadAllText(path), Json) ?? new Content() : new Content());
        }
        catch (Exception e) when (e is JsonException or UnauthorizedAccessException)
        {
            throw new IOException($"{path} cannot be read ({e.Message}); repair it or remove it.", e);
        }
    }

    /// <summary>The folder for configuration: XDG_CONFIG_HOME, else ~/.config; on Windows the application data.</summary>
    public static string Folder(Func<string, string?> environment) =>
        environment("XDG_CONFIG_HOME") is { Length: > 0 } folder && Path.IsPathRooted(folder)
            ? folder
            : OperatingSystem.IsWindows()
                ? Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData)
                : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".config");

    /// <summary>Whom commands act as at <paramref name="server"/> unless they name somebody: the last one who signed in there; null: nobody is.</summary>
    public string? ClientAt(Uri server) => _content.Clients.GetValueOrDefault(ServerChoice.Origin(server));

    /// <summary>Remembers a sign-in beside the others, and makes it and its server the default; with tokens where they are not of the moment.</summary>
    public void SignIn(Uri server, string client, SignedIn? tokens = null)
    {
        var origin = ServerChoice.Origin(server);
        _content.Server = server.AbsoluteUri;
        _content.Clients[origin] = client;
        if (tokens is not null)
        {
            KeepUnsaved(origin, tokens);
        }
        else
        {
            _content.Names[origin] = [.. _content.Names.GetValueOrDefault(origin) ?? [], client];
        }

        Save();
    }

    /// <summary>The tokens of a client at a server; null: none are kept.</summary>
    public SignedIn? TokensOf(Uri server, string client) =>
        _content.Tokens.GetValueOrDefault(ServerChoice.Origin(server))?.GetValueOrDefault(client) is { } kept ? new(client, kept.AccessToken, kept.ExpiresAt, kept.RefreshToken) : null;

    /// <summary>All clients who are signed in at a server, by name.</summary>
    public IReadOnlyList<string> ClientsAt(Uri server)
    {
        var origin = ServerChoice.Origin(server);
        IEnumerable<string?> all = [.. _content.Tokens.GetValueOrDefault(origin)?.Keys ?? Enumerable.Empty<string>(), .. _content.Names.GetValueOrDefault(origin) ?? [], ClientAt(server)];
        return [.. all.OfType<string>().Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>Keeps newer tokens.</summary>
    public void Keep(Uri server, SignedIn tokens)
    {
        KeepUnsaved(ServerChoice.Origin(server), tokens);
        Save();
    }

    /// <summary>Does something with the file to itself: of two commands at once, the second sees what the first has written. A refresh handle is good only once.</summary>
    public static async Task<T> AloneAsync<T>(string folder, Func<SignIns, Task<T>> work, CancellationToken cancel)
    {
        var path = Path.Combine(folder, "duplexity", "signed-in.lock");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        while (true)
        {
            FileStream held;
            try
            {
                held = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (!cancel.IsCancellationRequested)
            {
                await Task.Delay(LockPause, cancel);
                continue;
            }

            await using (held)
            {
                return await work(Load(folder));
            }
        }
    }

    /// <summary>Forgets a client at <paramref name="server"/>; the others stay, and if it was the default, the first of them is now. False where it was not signed in.</summary>
    public bool SignOut(Uri server, string client)
    {
        var origin = ServerChoice.Origin(server);
        var known = ClientsAt(server).Contains(client);
        _content.Tokens.GetValueOrDefault(origin)?.Remove(client);
        _content.Names.GetValueOrDefault(origin)?.Remove(client);
        if (_content.Clients.GetValueOrDefault(origin) == client)
        {
            _content.Clients.Remove(origin);
        }

        if (ClientsAt(server) is not [var next, ..])
        {
            _content.Tokens.Remove(origin);
            _content.Names.Remove(origin);
            _content.Server = _content.Server is { } last && ServerChoice.Origin(new Uri(last)) == origin ? null : _content.Server;
        }
        else
        {
            _content.Clients.TryAdd(origin, next);
        }

        Save();
        return known;
    }

    /// <summary>Whether the person said yes to <paramref name="what"/> for the project file at <paramref name="file"/> before.</summary>
    public bool IsConfirmed(string file, string what) => _content.Confirmed.GetValueOrDefault(file)?.Contains(what) == true;

    /// <summary>Remembers that yes.</summary>
    public void Confirm(string file, string what)
    {
        if (!_content.Confirmed.TryGetValue(file, out var list))
        {
            _content.Confirmed[file] = list = [];
        }

        list.Add(what);
        Save();
    }

    private void KeepUnsaved(string origin, SignedIn tokens)
    {
        if (!_content.Tokens.TryGetValue(origin, out var there))
        {
            _content.Tokens[origin] = there = [];
        }

        there[tokens.Client] = new() { AccessToken = tokens.AccessToken, ExpiresAt = tokens.ExpiresAt, RefreshToken = tokens.RefreshToken };
    }

    private void Save()
    {
        var folder = Path.GetDirectoryName(_path)!;
        var fresh = Path.Combine(folder, Path.GetRandomFileName());
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        // Written aside and moved: two commands at once never leave half a file, and the mode is right from the first byte.
        using (var stream = new FileStream(fresh, options))
        {
            JsonSerializer.Serialize(stream, _content, Json);
        }

        File.Move(fresh, _path, overwrite: true);
    }

    private sealed class Content
    {
        public string? Server { get; set; }

        public Dictionary<string, string> Clients { get; init; } = [];

        public Dictionary<string, Dictionary<string, Kept>> Tokens { get; init; } = [];

        public Dictionary<string, HashSet<string>> Names { get; init; } = [];

        public Dictionary<string, HashSet<string>> Confirmed { get; init; } = [];
    }

    private sealed class Kept
    {
        public string AccessToken { get; init; } = "";

        public DateTimeOffset ExpiresAt { get; init; }

        public string? RefreshToken { get; init; }
    }
}
