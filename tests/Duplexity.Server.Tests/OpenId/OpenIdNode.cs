using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Duplexity.Server.Auth;
using Duplexity.Server.OpenId;
using Duplexity.Server.OpenId.Storage;
using Duplexity.Server.OpenId.Users;
using Duplexity.Testing;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Server.Tests.OpenId;

/// <summary>A node in Production with the embedded provider, whose administrator is <c>root</c>; and what people do there. Its hasher counts, and hashes cheaply unless it is told otherwise.</summary>
internal sealed class OpenIdNode : IAsyncDisposable
{
    public const string Password = "correct horse battery";

    private OpenIdNode(TestNode node, CountingHasher hasher)
    {
        (Node, Hasher) = (node, hasher);
    }

    public TestNode Node { get; }

    public CountingHasher Hasher { get; }

    /// <summary>Below which the provider lies.</summary>
    public Uri OpenId => new(Node.Address, "openid/");

    public static async Task<OpenIdNode> StartAsync(Action<TestNodeSetup>? configure = null, Action<OpenIdOptions>? options = null, bool isDear = false)
    {
        var hasher = new CountingHasher(isDear ? PasswordChecks.Iterations : 1_000);
        var node = await TestNode.StartAsync(s =>
        {
            s.Environment = "Production";
            s.TrustTestIssuer = false;
            s.Settings["Duplexity:Data"] = "data";
            s.Builder = builder =>
            {
                builder.AddOpenId(options);
                builder.Services.AddSingleton<IPasswordHasher<OpenIdUser>>(hasher);
            };
            configure?.Invoke(s);
        });
        return new OpenIdNode(node, hasher);
    }

    /// <summary>A person of the provider who is there already, without the pages.</summary>
    public async Task AddAsync(string name, string? password = Password, params string[] roles)
    {
        await using var scope = Node.Services.GetRequiredService<Provider>().CreateScope();
        var (_, error) = await scope.ServiceProvider.GetRequiredService<UserDirectory>().AddAsync(name, roles, password, "a test", default);
        if (error is not null)
        {
            throw new InvalidOperationException(error.Sentence);
        }
    }

    /// <summary>What the provider's own services say.</summary>
    public async Task<T> AskAsync<T>(Func<IServiceProvider, Task<T>> ask)
    {
        await using var scope = Node.Services.GetRequiredService<Provider>().CreateScope();
        return await ask(scope.ServiceProvider);
    }

    /// <summary>The whole way: a program waits, the person signs in and types the code. The program's tokens.</summary>
    public async Task<JsonElement> SignInAsync(string name, string password = Password, Person? browser = null)
    {
        await using var terminal = await WaitingProgram.StartAsync(Node.Http);
        using var own = browser is null ? new Person() : null;
        var person = browser ?? own!;
        await person.OpenAsync(terminal.Link);
        if (!person.Page.Contains("Connect a program", StringComparison.Ordinal))
        {
            await person.SignInAsync(name, password);
        }

        await person.SubmitAsync([("code", terminal.Code)]);
        if (person.Status != HttpStatusCode.OK || !person.Page.Contains("close this page", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"{name} at {person.At} sees {person.Status}: {person.Page}");
        }

        await terminal.NextAsync();
        await terminal.ProveAsync();
        return await terminal.NextAsync();
    }

    /// <summary>A token of an administrator.</summary>
    public string Administrator(string name = "root") => Node.Services.GetRequiredService<TokenIssuer>().Create(name, TimeSpan.FromHours(1), new(null, ["admin"]));

    /// <summary>A request to <c>/openid/users…</c> by an administrator.</summary>
    public async Task<(HttpStatusCode Status, JsonElement Body)> UsersAsync(string path, object? body, string? token = null)
    {
        using var request = new HttpRequestMessage(body is null ? HttpMethod.Get : HttpMethod.Post, $"openid/users{path}") { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Authorization = new("Bearer", token ?? Administrator());
        using var response = await Node.Http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return (response.StatusCode, text.StartsWith('{') ? JsonSerializer.Deserialize<JsonElement>(text) : default);
    }

    public ValueTask DisposeAsync() => Node.DisposeAsync();
}

/// <summary>The library's hasher, counted.</summary>
internal sealed class CountingHasher(int iterations) : IPasswordHasher<OpenIdUser>
{
    private readonly PasswordHasher<OpenIdUser> _inner = new(Microsoft.Extensions.Options.Options.Create(new PasswordHasherOptions { IterationCount = iterations }));
    private int _checked;

    /// <summary>How many passwords were checked.</summary>
    public int Checked => _checked;

    public string HashPassword(OpenIdUser user, string password) => _inner.HashPassword(user, password);

    public PasswordVerificationResult VerifyHashedPassword(OpenIdUser user, string hashedPassword, string providedPassword)
    {
        Interlocked.Increment(ref _checked);
        return _inner.VerifyHashedPassword(user, hashedPassword, providedPassword);
    }
}
