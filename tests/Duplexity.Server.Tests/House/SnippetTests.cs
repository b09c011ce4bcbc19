using System.Text.RegularExpressions;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Xunit;

namespace Duplexity.Server.Tests.House;

/// <summary>The C# that the pages show is C# of this repository: it compiles as it stands there, and what a page lists is there under that name.</summary>
public sealed partial class SnippetTests
{
    /// <summary>What a project for the web imports by itself, and what the snippets take for granted.</summary>
    private const string Imports = """
        global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Net.Http; global using System.Net.Http.Json;
        global using System.Threading; global using System.Threading.Tasks; global using Microsoft.AspNetCore.Builder; global using Microsoft.AspNetCore.Hosting; global using Microsoft.AspNetCore.Http;
        global using Microsoft.AspNetCore.Routing; global using Microsoft.Extensions.Configuration; global using Microsoft.Extensions.DependencyInjection; global using Microsoft.Extensions.Hosting;
        global using Microsoft.Extensions.Logging; global using Duplexity; global using Duplexity.Server; global using static Given;
        """;

    /// <summary>The names that a reader of the pages has in hand: a connection, the service in process, a handler of one's own.</summary>
    private const string Givens = """
        using Duplexity.Protocol;

        public static class Given
        {
            public static readonly Uri server = new("http://localhost:5080");
            public static readonly Func<CancellationToken, ValueTask<string?>> token = DevelopmentToken.For(server, "amy");
            public static readonly string amysToken = "…";
            public static readonly CancellationToken ct = default;
            public static readonly DuplexityConnection connection = new(server);
            public static readonly WebApplicationBuilder builder = WebApplication.CreateBuilder();
            public static readonly WebApplication app = builder.Build();
            public static IDuplexity duplexity => app.Services.GetRequiredService<IDuplexity>();
            public static void Apply(string client, Move move) { }
            public static ValueTask<string?> AskThePersonAsync(string? sentence, CancellationToken ct) => new("");
            public static Task ShowAsync(Message message) => Task.CompletedTask;
            public static Task BakeAsync(Message message, CancellationToken lost) => Task.CompletedTask;
            public static Task WorkAsync(Message message, CancellationToken lost) => Task.CompletedTask;
        }

        public sealed record Move(string Card, int X, int Y);
        public interface IWordList { string Clean(string text); }
        public sealed class Audit : IMessageService
        {
            public IReadOnlyCollection<string> Channels => [];
            public ValueTask OnAnnouncementAsync(Announcement announcement, CancellationToken ct) => default;
        }
        """;

    private static readonly CSharpParseOptions Parsing = new(LanguageVersion.Preview);

    private static readonly MetadataReference[] References =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path))];

    private static readonly string[] Pages = ["README.md", "client-sdk/API.md"];

    [Fact]
    public void Every_snippet_of_the_pages_compiles_as_it_stands_there()
    {
        var snippets = Pages.SelectMany(Snippets).Where(s => !IsListing(s.Code)).ToList();

        snippets.Should().HaveCountGreaterThan(10);
        snippets.SelectMany(s => Errors(s.Code).Select(e => $"{s.Page}:{s.Line}: {e}")).Should().BeEmpty();
    }

    [Theory]
    [InlineData("await connection.SendAsync(Address.Room(\"a\"), 1, new() { Under = 7 });")]
    [InlineData("await connection.ShoutAsync(Address.Room(\"a\"), 1);")]
    public void What_is_not_there_does_not_compile(string code) => Errors(code).Should().NotBeEmpty();

    [Fact]
    public void What_the_page_of_the_API_lists_is_there_under_that_name()
    {
        Type[] types = [.. new[] { typeof(DuplexityConnection), typeof(Address), typeof(IDuplexity), typeof(DuplexityPipeExtensions) }.SelectMany(t => t.Assembly.GetExportedTypes()).Distinct()];
        var members = types.SelectMany(t => t.GetMembers()).Select(m => m.Name).ToHashSet();
        var names = types.Select(t => t.Name.Split('`')[0]).ToHashSet();
        var listings = Snippets("client-sdk/API.md").Where(s => IsListing(s.Code)).Select(s => Comment().Replace(s.Code, "")).ToList();

        var methods = listings.SelectMany(code => Method().Matches(code)).Select(m => m.Groups[1].Value).ToList();
        methods.Should().HaveCountGreaterThan(100);
        methods.Where(name => !members.Contains(name) && !names.Contains(name)).Should().BeEmpty();
        listings.SelectMany(code => Declaration().Matches(code)).Select(m => m.Groups[1].Value).Where(name => !names.Contains(name)).Should().BeEmpty();
    }

    /// <summary>A list of members without their bodies: it says what is there, and is no program.</summary>
    private static bool IsListing(string code) => !code.Contains("using ", StringComparison.Ordinal) && Signature().IsMatch(code);

    private static IEnumerable<(string Page, int Line, string Code)> Snippets(string page)
    {
        var text = File.ReadAllText(Path.Combine(ProcessTools.Root, page));
        return Fence().Matches(text).Select(m => (page, text[..m.Index].Count(c => c == '\n') + 2, m.Groups[1].Value));
    }

    private static IEnumerable<string> Errors(string code)
    {
        var tree = CSharpSyntaxTree.ParseText(code, Parsing);
        var isProgram = tree.GetCompilationUnitRoot().Members.Any(m => m is GlobalStatementSyntax);
        return CSharpCompilation.Create(
                "snippet",
                [tree, CSharpSyntaxTree.ParseText(Imports, Parsing), CSharpSyntaxTree.ParseText(Givens, Parsing)],
                References,
                new CSharpCompilationOptions(isProgram ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable))
            .GetDiagnostics()
            .Where(d => d.Severity == DiagnosticSeverity.Error || (d.Severity == DiagnosticSeverity.Warning && d.Id.StartsWith("CS86", StringComparison.Ordinal)))
            .Select(d => d.ToString());
    }

    [GeneratedRegex(@"^```csharp\r?\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"^\s*public .*\);|^IDuplexityBuilder .*;", RegexOptions.Multiline)]
    private static partial Regex Signature();

    [GeneratedRegex("//.*$", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\b([A-Z]\w+)(?:<T>)?\(")]
    private static partial Regex Method();

    [GeneratedRegex(@"public (?:sealed |abstract |static |readonly )*(?:class|record struct|record|interface|enum) (\w+)")]
    private static partial Regex Declaration();
}
