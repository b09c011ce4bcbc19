using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Duplexity.Host;
using Duplexity.Host.Checking;
using Duplexity.Testing;

namespace Duplexity.Server.Tests.Diagnostics;

/// <summary>The parts of OPERATIONS.md that the code and its comments say already: every setting, and every instrument of a node.</summary>
internal static partial class OperationsPage
{
    /// <summary>All options that configuration binds, by their sections.</summary>
    public static readonly (Type Options, string Section)[] Sections =
        [(typeof(DuplexityOptions), DuplexityOptions.Section), (typeof(RedisOptions), RedisOptions.Section), (typeof(OpenIdOptions), OpenIdOptions.Section), (typeof(MetricsOptions), MetricsOptions.Section), (typeof(HostAskOptions), HostAskOptions.Section)];

    private static readonly Dictionary<string, XElement> Docs = new[] { "Duplexity.Protocol.xml", "Duplexity.Server.xml", "Duplexity.Server.Redis.xml", "Duplexity.Server.OpenId.xml", "Duplexity.Host.xml" }
        .SelectMany(file => XDocument.Load(Path.Combine(AppContext.BaseDirectory, file)).Descendants("member")).ToDictionary(m => m.Attribute("name")!.Value);

    /// <summary>The page of this source tree.</summary>
    public static string FilePath { get; } = Path.Combine(ProcessTools.Root, "server", "OPERATIONS.md");

    /// <summary>The page with its generated sections as they should be.</summary>
    public static string Renew(string page, IEnumerable<Instrument> instruments) => Section().Replace(page, match =>
        $"<!-- generated: {match.Groups[1].Value} -->\n{(match.Groups[1].Value == "settings" ? Settings() : Metrics(instruments))}<!-- end -->");

    private static string Settings()
    {
        var table = new StringBuilder("| setting | default | what it is, and why |\n|---|---|---|\n");
        foreach (var setting in Sections.SelectMany(s => Host.Checking.Settings.Known(s.Options, s.Section)))
        {
            var value = Host.Checking.Settings.Text(setting.Value);
            table.Append(CultureInfo.InvariantCulture, $"| `{setting.Path["Duplexity:".Length..]}` | {(value.Length == 0 ? "" : $"`{value}`")} | {What(setting)} |\n");
        }

        return table.ToString();
    }

    private static string Metrics(IEnumerable<Instrument> instruments)
    {
        var table = new StringBuilder("| name | unit | kind | what |\n|---|---|---|---|\n");
        foreach (var instrument in instruments.OrderBy(i => i.Name, StringComparer.Ordinal))
        {
            table.Append(CultureInfo.InvariantCulture, $"| `{instrument.Name}` | `{instrument.Unit}` | {KindOf(instrument)} | {instrument.Description} |\n");
        }

        return table.ToString();
    }

    private static string KindOf(Instrument instrument) => instrument.GetType().Name.Split('`')[0] switch
    {
        "Counter" or "ObservableCounter" => "counter",
        "Histogram" => "histogram",
        _ => "gauge",
    };

    private static string What(Setting setting)
    {
        var property = setting.Property;
        var summary = Docs.TryGetValue($"P:{property.DeclaringType!.FullName}.{property.Name}", out var own)
            ? own.Element("summary")!
            : throw new InvalidOperationException($"{setting.Path} has no documentation.");
        var text = new StringBuilder();
        foreach (var node in summary.Nodes())
        {
            text.Append(node switch
            {
                XText plain => plain.Value,
                XElement { Name.LocalName: "see" } see => $"`{see.Attribute("cref")!.Value.Split('(')[0].Split('.')[^1]}`",
                XElement other => $"`{other.Value}`",
                _ => "",
            });
        }

        return Spaces().Replace(text.ToString(), " ").Trim().Replace("|", "\\|", StringComparison.Ordinal);
    }

    [GeneratedRegex("<!-- generated: ([a-z]+) -->\n.*?<!-- end -->", RegexOptions.Singleline)]
    private static partial Regex Section();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
