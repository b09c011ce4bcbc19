using System.Collections;
using System.Globalization;
using System.Reflection;

namespace Duplexity.Host.Checking;

/// <summary>The settings of options, by what configuration binds: values and lists of them, parts, and what an operator names (rooms, gates, keys of issuers).</summary>
internal static class Settings
{
    /// <summary>Stands in a key for a name of the operator's choice.</summary>
    public const string Name = "NAME";

    /// <summary>All settings of options as they are.</summary>
    public static IEnumerable<Setting> Of(object options, string section) => Of(options, New(options.GetType()), section, withNames: false);

    /// <summary>All settings that options can have, one <see cref="Name"/> for all names, with their defaults as values.</summary>
    public static IEnumerable<Setting> Known(Type options, string section) => Of(New(options), New(options), section, withNames: true);

    /// <summary>A value as an operator would write it.</summary>
    public static string Text(object? value) => value switch
    {
        null => "",
        string text => text,
        bool yes => yes ? "true" : "false",
        TimeSpan time => time.ToString("c", CultureInfo.InvariantCulture),
        IEnumerable<string> list => string.Join(", ", list),
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    private static IEnumerable<Setting> Of(object options, object? defaults, string section, bool withNames)
    {
        foreach (var property in options.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance).OrderBy(p => p.MetadataToken))
        {
            var (path, value) = ($"{section}:{property.Name}", property.GetValue(options));
            if (IsValue(property.PropertyType))
            {
                yield return new Setting(path, property, value, defaults is null ? null : property.GetValue(defaults));
            }
            else if (NamedType(property.PropertyType) is { } named)
            {
                foreach (var setting in OfNames((IDictionary)value!, named, path, withNames))
                {
                    yield return setting;
                }
            }
            else if ((value ?? (withNames ? New(property.PropertyType) : null)) is { } part)
            {
                foreach (var setting in Of(part, defaults is null ? null : property.GetValue(defaults) ?? New(property.PropertyType), path, withNames))
                {
                    yield return setting;
                }
            }
        }
    }

    private static IEnumerable<Setting> OfNames(IDictionary values, Type named, string path, bool withNames)
    {
        IEnumerable<(string Name, object Value)> all = withNames ? [(Name, New(named))] : values.Keys.Cast<string>().Select(name => (name, values[name]!));
        return all.SelectMany(one => Of(one.Value, New(named), $"{path}:{one.Name}", withNames));
    }

    private static bool IsValue(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type.IsPrimitive || type.IsEnum || type == typeof(string) || type == typeof(TimeSpan) || type == typeof(Uri) || typeof(IEnumerable<string>).IsAssignableFrom(type);
    }

    private static Type? NamedType(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IDictionary<,>) ? type.GetGenericArguments()[1] : null;

    private static object New(Type type) => Activator.CreateInstance(type)!;
}
