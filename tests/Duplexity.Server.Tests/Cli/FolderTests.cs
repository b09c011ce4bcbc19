using System.Net;
using System.Net.Http.Headers;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

/// <summary><c>up ./folder</c>, in this process, against a real node.</summary>
public sealed class FolderTests : IAsyncLifetime
{
    private readonly DirectoryInfo _place = Directory.CreateTempSubdirectory("duplexity-test-");
    private TestNode _node = null!;

    private string Folder => Path.Combine(_place.FullName, "public");

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(Path.Combine(Folder, "docs"));
        Directory.CreateDirectory(Path.Combine(Folder, "empty"));
        Directory.CreateDirectory(Path.Combine(Folder, ".git"));
        File.WriteAllText(Path.Combine(Folder, "index.html"), "<h1>home</h1>");
        File.WriteAllText(Path.Combine(Folder, "docs", "index.html"), "<h1>docs</h1>");
        File.WriteAllText(Path.Combine(Folder, "data.xyz"), "0123456789");
        File.WriteAllText(Path.Combine(Folder, "empty", "file.txt"), "here");
        File.WriteAllText(Path.Combine(Folder, ".env"), "SECRET");
        File.WriteAllText(Path.Combine(Folder, ".git", "config"), "SECRET");
        File.WriteAllText(Path.Combine(_place.FullName, "secret.txt"), "SECRET");
        Directory.CreateDirectory(Path.Combine(_place.FullName, "public-not"));
        File.WriteAllText(Path.Combine(_place.FullName, "public-not", "secret.txt"), "SECRET");
        File.CreateSymbolicLink(Path.Combine(Folder, "out.txt"), Path.Combine(_place.FullName, "secret.txt"));
        File.CreateSymbolicLink(Path.Combine(Folder, "relative.txt"), "../secret.txt");
        Directory.CreateSymbolicLink(Path.Combine(Folder, "up"), _place.FullName);
        Directory.CreateSymbolicLink(Path.Combine(Folder, "beside"), Path.Combine(_place.FullName, "public-not"));
        Directory.CreateSymbolicLink(Path.Combine(Folder, "loop"), Path.Combine(Folder, "loop"));
        File.CreateSymbolicLink(Path.Combine(Folder, "inside.txt"), "empty/file.txt");
        File.CreateSymbolicLink(Path.Combine(Folder, "hidden.txt"), ".env");
        _node = await TestNode.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _node.DisposeAsync();
        _place.Delete(recursive: true);
    }

    [Fact]
    [Trait("Requirement", "2.16")]
    [Trait("Guarantee", "G25")]
    public async Task A_folder_is_served_and_nothing_beside_it()
    {
        using var todd = new CliUnderTest(_node, "todd");
        var up = todd.RunAsync("up", $"cat1={Folder}");
        await todd.Out.LineAsync(l => l.StartsWith("ready ")).Soon();

        (await TextAsync("/")).Should().Be("<h1>home</h1>");
        (await TextAsync("/docs/")).Should().Be("<h1>docs</h1>");
        (await TextAsync("/empty/file.txt")).Should().Be("here");
        (await TextAsync("/inside.txt")).Should().Be("here", "a link that stays inside is a file like others");
        using (var unknown = await _node.VisitAsync("cat1", "/data.xyz").Soon())
        {
            unknown.Content.Headers.ContentType!.MediaType.Should().Be("application/octet-stream");
            unknown.Headers.ETag.Should().NotBeNull();
            (await StatusAsync("/data.xyz", r => r.Headers.IfNoneMatch.Add(unknown.Headers.ETag!))).Should().Be((HttpStatusCode.NotModified, ""));
        }

        (await StatusAsync("/data.xyz", r => r.Headers.Range = new RangeHeaderValue(3, 5))).Should().Be((HttpStatusCode.PartialContent, "345"));
        foreach (var hidden in (string[])["/.env", "/.git/config", "/.git/", "/out.txt", "/relative.txt", "/up/secret.txt", "/beside/secret.txt", "/loop/x", "/empty/", "/up/", "/hidden.txt",
            "/docs/..%2f..%2fsecret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/%2eenv", "/..%5csecret.txt", "/data.xyz%00.txt", "/no"])
        {
            var (status, text) = await StatusAsync(hidden);
            status.Should().BeOneOf([HttpStatusCode.NotFound, HttpStatusCode.BadRequest], hidden);
            text.Should().NotContain("SECRET", hidden).And.NotContain("file.txt", hidden);
        }

        (await todd.RunAsync("pipes", "--json").Soon()).Should().Be(0);
        (await todd.Out.LineAsync(l => l.Contains("folder:public")).Soon()).Should().NotContain(_place.FullName, "the server was told what the folder is called, and not where it is");
        todd.Interrupt();
        await up.Soon();
    }

    [Fact]
    public async Task Folders_and_servers_share_a_hostname_by_path()
    {
        await using var api = new RawResource(async connection =>
        {
            var head = await connection.ReadHeadAsync();
            var target = head.Split(' ')[1];
            await connection.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {target.Length}\r\nConnection: close\r\n\r\n{target}");
        });
        using var todd = new CliUnderTest(_node, "todd");
        var up = todd.RunAsync("up", $"cat1={Folder}", $"cat1/api={api.Authority}", "--strip", "--response-header", "X-Robots-Tag=noindex");
        await todd.Out.LineAsync(l => l.StartsWith("ready ")).Soon();

        (await TextAsync("/")).Should().Be("<h1>home</h1>");
        (await TextAsync("/api/users?x=1")).Should().Be("/users?x=1");
        using (var answer = await _node.VisitAsync("cat1").Soon())
        {
            answer.Headers.GetValues("X-Robots-Tag").Should().Equal("noindex");
        }

        todd.Interrupt();
        await up.Soon();
    }

    private async Task<string> TextAsync(string target)
    {
        using var answer = await _node.VisitAsync("cat1", target).Soon();
        answer.StatusCode.Should().Be(HttpStatusCode.OK, target);
        return await answer.Content.ReadAsStringAsync();
    }

    private async Task<(HttpStatusCode Status, string Text)> StatusAsync(string target, Action<HttpRequestMessage>? with = null)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://127.0.0.1:{_node.Port}{target}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        request.Headers.Host = "cat1.localhost";
        with?.Invoke(request);
        using var answer = await http.SendAsync(request).Soon();
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }
}
