using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Duplexity.Protocol;

namespace Duplexity.Server.Tests.Protocol;

/// <summary>The parts of PROTOCOL.md that the assembly and its documentation comments say already: hubs and records as tables.</summary>
internal static partial class ProtocolPage
{
    private static readonly Dictionary<string, XElement> Docs = new[] { "Duplexity.Protocol.xml", "Duplexity.Server.xml" }
        .SelectMany(file => XDocument.Load(Path.Combine(AppContext.BaseDirectory, file)).Descendants("member")).ToDictionary(m => m.Attribute("name")!.Value);

    private static readonly NullabilityInfoContext Nullability = new();

    /// <summary>The page of this source tree.</summary>
    public static string FilePath { get; } = FindPage();

    /// <summary>The generated sections by name: what stands between <c>generated: NAME</c> and <c>end</c>.</summary>
    public static IReadOnlyDictionary<string, string> Sections { get; } = new Dictionary<string, string>
    {
        ["control methods"] = Methods(typeof(IControlHub)),
        ["control events"] = Events(typeof(IControlClient)),
        ["data methods"] = Methods(typeof(IDataHub)),
        ["data events"] = Events(typeof(IDataClient)),
        ["records"] = Records(),
    };

    /// <summary>The page with its generated sections as they should be.</summary>
    public static string Renew(string page) => Section().Replace(page, match =>
        $"<!-- generated: {match.Groups[1].Value} -->\n{Sections[match.Groups[1].Value]}<!-- end -->");

    /// <summary>What the documentation says of a record.</summary>
    public static string What(Type record) => Text(Docs[$"T:{record.FullName}"].Element("summary")!);

    /// <summary>What the documentation says of a member of a record.</summary>
    public static string What(PropertyInfo member) => Text(Doc(member));

    /// <summary>Whether a member of a record may be absent.</summary>
    public static bool IsOptional(PropertyInfo member) => Nullability.Create(member).ReadState == NullabilityState.Nullable;

    private static string Methods(Type hub)
    {
        var table = new StringBuilder("| name | takes | gives | what |\n|---|---|---|---|\n");
        foreach (var method in hub.GetMethods())
        {
            var answer = TypeText(method.ReturnType.GetGenericArguments()[0]);
            table.Append(CultureInfo.InvariantCulture, $"| `{method.Name}` | {TypeText(Argument(method))} | {answer} | {What(method)} |\n");
        }

        return table.ToString();
    }

    private static string Events(Type client)
    {
        var table = new StringBuilder("| name | brings | what |\n|---|---|---|\n");
        foreach (var method in client.GetMethods())
        {
            table.Append(CultureInfo.InvariantCulture, $"| `{method.Name}` | {TypeText(Argument(method))} | {What(method)} |\n");
        }

        return table.ToString();
    }

    private static Type Argument(MethodInfo method) => method.GetParameters()[0].ParameterType;

    private static string What(MethodInfo method) => Text(Docs[$"M:{method.DeclaringType!.FullName}.{method.Name}({Argument(method).FullName})"].Element("summary")!);

    private static string Records()
    {
        var text = new StringBuilder();
        foreach (var record in WireRecords.All)
        {
            text.Append(CultureInfo.InvariantCulture, $"### {record.Name}\n\n{What(record)}\n\n");
            text.Append("| # | JSON | type | what |\n|---|---|---|---|\n");
            foreach (var (member, index) in WireRecords.Members(record).Select((m, i) => (m!, i)))
            {
                var optional = IsOptional(member) ? "?" : "";
                text.Append(CultureInfo.InvariantCulture, $"| {index} | `{WireRecords.JsonName(member)}` | {TypeText(member.PropertyType)}{optional} | {What(member)} |\n");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    private static XElement Doc(PropertyInfo member) => Docs.TryGetValue($"P:{member.DeclaringType!.FullName}.{member.Name}", out var own)
        ? own.Element("summary")!
        : Docs[$"T:{member.DeclaringType.FullName}"].Elements("param").Single(p => p.Attribute("name")!.Value == member.Name);

    private static string TypeText(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type switch
        {
            _ when type == typeof(string) => "string",
            _ when type == typeof(int) || type == typeof(long) => "integer",
            _ when type == typeof(double) => "number",
            _ when type == typeof(bool) => "boolean",
            _ when type == typeof(byte[]) => "bytes",
            _ when type == typeof(Dictionary<string, string>) => "map of strings",
            _ when type.IsArray => $"array of {TypeText(type.GetElementType()!)}",
            _ => $"[{type.Name}](#{type.Name.ToLowerInvariant()})",
        };
    }

    private static string Text(XElement element)
    {
        var text = new StringBuilder();
        foreach (var node in element.Nodes())
        {
            text.Append(node switch
            {
                XText plain => plain.Value,
                XElement { Name.LocalName: "see" } see => $"`{Named(see.Attribute("cref")!.Value)}`",
                XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
                XElement { Name.LocalName: "em" } stressed => $"*{stressed.Value}*",
                XElement other => throw new NotSupportedException($"<{other.Name}> in the documentation of a record."),
                _ => "",
            });
        }

        // The numbers of guarantees are for the server's authors.
        return Spaces().Replace(Guarantee().Replace(text.ToString(), ""), " ").Trim().Replace("|", "\\|", StringComparison.Ordinal);
    }

    private static string Named(string cref)
    {
        var name = cref[2..].Split('(')[0].Split('.')[^1];
        return cref[0] == 'P' ? JsonNamingPolicy.CamelCase.ConvertName(name) : name;
    }

    private static string FindPage()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Duplexity.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests run outside of the source tree.");
        }

        return Path.Combine(folder.FullName, "client-sdk", "Duplexity.Protocol", "PROTOCOL.md");
    }

    [GeneratedRegex("<!-- generated: ([a-z ]+) -->\n.*?<!-- end -->", RegexOptions.Singleline)]
    private static partial Regex Section();

    [GeneratedRegex(@"\s*\(G\d+\)")]
    private static partial Regex Guarantee();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
