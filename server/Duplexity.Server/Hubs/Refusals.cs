using System.Collections.Concurrent;
using System.Reflection;
using Duplexity.Protocol;

namespace Duplexity.Server.Hubs;

/// <summary>Makes a hub method's own answer record out of an error, for whatever refuses before or instead of the method.</summary>
internal static class Refusals
{
    private static readonly ConcurrentDictionary<MethodInfo, Func<DuplexityError, object>> Makers = new();

    /// <summary>The answer of <paramref name="method"/> that says <paramref name="error"/>.</summary>
    public static object Of(MethodInfo method, DuplexityError error) => Makers.GetOrAdd(method, Maker)(error);

    private static Func<DuplexityError, object> Maker(MethodInfo method)
    {
        var answer = method.ReturnType.GetGenericArguments()[0];
        var property = answer.GetProperty(nameof(Answer.Error))!;
        return error =>
        {
            var made = Activator.CreateInstance(answer)!;
            property.SetValue(made, error);
            return made;
        };
    }
}
