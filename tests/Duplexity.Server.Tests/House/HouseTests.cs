using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Duplexity.Server.Tests.House;

/// <summary>The rules of the house that a compiler does not check.</summary>
public sealed partial class HouseTests
{
    private const int LongestFile = 300;

    private static readonly string[] ProductFolders = ["server", "client-sdk", "samples"];

    [Fact]
    public void No_product_file_is_longer_than_three_hundred_lines() =>
        Files("*.cs", ProductFolders)
            .Select(file => (File: Relative(file), Lines: File.ReadLines(file).Count()))
            .Where(file => file.Lines > LongestFile)
            .Should().BeEmpty();

    [Fact]
    public void Nothing_names_a_package_registry()
    {
        XDocument.Load(Path.Combine(ProcessTools.Root, "NuGet.config")).Descendants("packageSources").Should().BeEmpty();
        Files("package-lock.json", ["."]).Where(file => File.ReadAllText(file).Contains("\"resolved\"", StringComparison.Ordinal)).Select(Relative).Should().BeEmpty();
        Files(".npmrc", ["."]).Where(file => File.ReadAllText(file).Contains("registry=", StringComparison.Ordinal)).Select(Relative).Should().BeEmpty();
    }

    [Fact]
    public void Every_project_has_its_lock_file_and_is_in_the_solution()
    {
        var projects = Files("*.csproj", ["server", "client-sdk", "samples", "tests"]).ToList();
        var solution = File.ReadAllText(Path.Combine(ProcessTools.Root, "Duplexity.sln"));

        projects.Should().NotBeEmpty();
        projects.Where(project => !File.Exists(Path.Combine(Path.GetDirectoryName(project)!, "packages.lock.json"))).Select(Relative).Should().BeEmpty();
        projects.Where(project => !solution.Contains(Relative(project).Replace('/', '\\'), StringComparison.Ordinal)).Select(Relative).Should().BeEmpty();
    }

    [Fact]
    public void Log_events_have_ids_and_names_of_their_own()
    {
        var events = new[] { typeof(DuplexityServer).Assembly, typeof(RedisServer).Assembly, typeof(DuplexityConnection).Assembly, typeof(DuplexityPipeExtensions).Assembly }
            .SelectMany(assembly => assembly.GetTypes().SelectMany(type => type
                .GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
                .Select(method => (Method: method, Event: method.GetCustomAttribute<LoggerMessageAttribute>()))
                .Where(found => found.Event is not null)
                .Select(found => (Assembly: assembly.GetName().Name, Id: found.Event!.EventId, Name: found.Event.EventName ?? found.Method.Name))))
            .ToList();

        events.GroupBy(e => (e.Assembly, e.Id)).Where(g => g.Count() > 1).Select(g => $"{g.Key}: {string.Join(", ", g.Select(e => e.Name))}").Should().BeEmpty();
        events.GroupBy(e => (e.Assembly, e.Name)).Where(g => g.Count() > 1).Select(g => $"{g.Key}").Should().BeEmpty();
        events.Where(e => e.Assembly == "Duplexity.Server").Select(e => e.Id).Should().OnlyContain(id => id >= 1000 && id < 9000);
    }

    [Fact]
    public void Test_traits_name_requirements_and_guarantees_that_exist()
    {
        var wrong =
            from file in Files("*.cs", ["tests"])
            from Match trait in TraitPattern().Matches(File.ReadAllText(file))
            let known = trait.Groups["kind"].Value == "Requirement" ? Requirements.Ids : Requirements.Guarantees
            where !known.Contains(trait.Groups["id"].Value)
            select $"{Relative(file)}: {trait.Value}";

        wrong.Should().BeEmpty();
    }

    [Fact]
    public void Tests_wait_for_what_happens_and_do_not_sleep()
    {
        // The test house alone knows time: as the limit of its waits.
        var sleeping =
            from file in Files("*.cs", ["tests"])
            where !Relative(file).EndsWith("Duplexity.Testing/Wait.cs", StringComparison.Ordinal)
            where SleepPattern().IsMatch(File.ReadAllText(file))
            select Relative(file);

        sleeping.Should().BeEmpty();
    }

    private static IEnumerable<string> Files(string pattern, IEnumerable<string> folders) =>
        folders
            .Select(folder => Path.Combine(ProcessTools.Root, folder))
            .Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, pattern, new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None }))
            .Where(file => !Relative(file).Split('/').Any(part => part is "bin" or "obj" or "node_modules" or ".git"));

    private static string Relative(string file) => Path.GetRelativePath(ProcessTools.Root, file).Replace('\\', '/');

    [GeneratedRegex("""Trait\("(?<kind>Requirement|Guarantee)", *"(?<id>[^"]+)"\)""")]
    private static partial Regex TraitPattern();

    [GeneratedRegex("""Thread\.Sleep\(|Task\.Delay\((TimeSpan|[0-9])""")]
    private static partial Regex SleepPattern();
}
