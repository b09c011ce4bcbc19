using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes.Suites;

/// <summary>The README's first example: Python's own web server, which speaks HTTP/1.0 and closes after each answer.</summary>
[Collection(nameof(SuiteCollection))]
[Trait("Requirement", "2.16")]
public sealed class PythonServerTests(SuiteStage stage)
{
    [Fact]
    [Trait("Guarantee", "G12")]
    [Trait("Requirement", "2.32")]
    public async Task Every_request_of_many_visitors_is_answered()
    {
        var port = FreePorts.One();
        var folder = Directory.CreateTempSubdirectory("duplexity-python-");
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "index.html"), "hello");
        await using (var server = RealProcess.Start(ProcessTools.SystemPython, ["-u", "-m", "http.server", $"{port}", "--bind", "127.0.0.1"], folder: folder.FullName))
        {
            await server.LineAsync("Serving HTTP");
            await stage.Service.UpAsync("todd", $"python={port}");
            var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
            {
                using var visitor = stage.Service.Visitor("python");
                var statuses = new List<int>();
                for (var i = 0; i < 50; i++)
                {
                    using var answer = await visitor.GetAsync("/").Soon();
                    statuses.Add((int)answer.StatusCode);
                }

                return statuses;
            }));

            answers.SelectMany(statuses => statuses).Should().HaveCount(400).And.OnlyContain(status => status == 200);
        }

        folder.Delete(recursive: true);
    }
}
