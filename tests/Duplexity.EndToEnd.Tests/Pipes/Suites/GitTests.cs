using Duplexity.EndToEnd.Tests.Real;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes.Suites;

/// <summary>git against its own server program behind Apache: pushes with chunked bodies of some MB, clones, shallow fetches.</summary>
[Collection(nameof(SuiteCollection))]
[Trait("Requirement", "2.16")]
public sealed class GitTests(SuiteStage stage) : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("duplexity-git-");
    private Apache _apache = null!;

    private string Work => Path.Combine(_folder.FullName, "work");

    private string Piped => $"http://{stage.Service.Host("git")}/git/project.git";

    public async Task InitializeAsync()
    {
        _apache = await Apache.StartAsync();
        await stage.Service.UpAsync("todd", $"git={_apache.Port}");
        await GitAsync("init", "--quiet", "--initial-branch=main", Work);
    }

    public async Task DisposeAsync()
    {
        await _apache.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    [Trait("Requirement", "3.4")]
    public async Task Git_pushes_clones_and_fetches_a_part_of_a_history()
    {
        await CommitAsync("first", megabytes: 6);
        await CommitAsync("second", megabytes: 1);
        await GitAsync("-C", Work, "push", "--quiet", Piped, "main", "HEAD:refs/tags/one");

        (await GitAsync("ls-remote", Piped)).Should().Be(await GitAsync("ls-remote", $"http://127.0.0.1:{_apache.Port}/git/project.git"))
            .And.Contain("refs/heads/main").And.Contain("refs/tags/one");

        var clone = Path.Combine(_folder.FullName, "clone");
        await GitAsync("clone", "--quiet", Piped, clone);
        (await HeadAsync(clone)).Should().Be(await HeadAsync(Work));
        await GitAsync("-C", clone, "fsck", "--full", "--strict");

        var shallow = Path.Combine(_folder.FullName, "shallow");
        await GitAsync("clone", "--quiet", "--depth", "1", Piped, shallow);
        (await CountAsync(shallow)).Should().Be("1");

        await CommitAsync("third", megabytes: 1);
        await CommitAsync("fourth", megabytes: 0);
        await GitAsync("-C", Work, "push", "--quiet", Piped, "main");
        await GitAsync("-C", shallow, "fetch", "--quiet", "--depth", "2", "origin", "main");
        await GitAsync("-C", shallow, "reset", "--quiet", "--hard", "FETCH_HEAD");
        (await HeadAsync(shallow)).Should().Be(await HeadAsync(Work));
        (await CountAsync(shallow)).Should().Be("2");
        await GitAsync("-C", clone, "pull", "--quiet", "--ff-only");
        (await HeadAsync(clone)).Should().Be(await HeadAsync(Work));
    }

    private async Task CommitAsync(string name, int megabytes)
    {
        var bytes = new byte[megabytes * 1024 * 1024];
        new Random(name.Length).NextBytes(bytes);
        await File.WriteAllBytesAsync(Path.Combine(Work, $"{name}.bin"), bytes);
        foreach (var i in Enumerable.Range(0, 50))
        {
            await File.WriteAllTextAsync(Path.Combine(Work, $"{i}.txt"), string.Concat(Enumerable.Repeat($"{name} {i}\n", i)));
        }

        await GitAsync("-C", Work, "add", ".");
        await GitAsync("-C", Work, "-c", "user.name=Todd", "-c", "user.email=todd@example.org", "commit", "--quiet", "--message", name);
    }

    private Task<string> HeadAsync(string folder) => GitAsync("-C", folder, "rev-parse", "HEAD");

    private Task<string> CountAsync(string folder) => GitAsync("-C", folder, "rev-list", "--count", "HEAD");

    private Task<string> GitAsync(params string[] arguments) => stage.RunAsync("git", ["-c", "http.proxy=", .. arguments]);
}
