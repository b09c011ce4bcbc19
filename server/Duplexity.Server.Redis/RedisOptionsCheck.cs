using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Duplexity.Server.Redis;

/// <summary>Refuses to start with settings that no Redis could serve; says what to set.</summary>
internal sealed class RedisOptionsCheck : IValidateOptions<RedisOptions>
{
    public ValidateOptionsResult Validate(string? name, RedisOptions options)
    {
        string[] problems = [.. Problems(options)];
        return problems.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    private static IEnumerable<string> Problems(RedisOptions options)
    {
        const string Path = RedisOptions.Section;
        if (ConnectionProblem(options.Connection) is { } problem)
        {
            yield return $"{Path}:Connection {problem}";
        }

        if (options.Prefix is not { Length: > 0 and <= 64 } || !options.Prefix.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or ':'))
        {
            yield return $"{Path}:Prefix is \"{VisibleText.Of(options.Prefix ?? "", 64)}\"; use 1 to 64 letters, digits, \"-\", \"_\" and \":\".";
        }

        if (options.Timeout < TimeSpan.FromMilliseconds(100) || options.Timeout > TimeSpan.FromMinutes(1))
        {
            yield return $"{Path}:Timeout is {options.Timeout}; use 0.1 s to 1 min.";
        }

        if (options.Replicas is < 0 or > 16)
        {
            yield return $"{Path}:Replicas is {options.Replicas}; use 0 to 16.";
        }

        if (options.Renewal <= TimeSpan.Zero || options.Lease < 3 * options.Renewal || options.Lease > TimeSpan.FromHours(1))
        {
            yield return $"{Path}:Lease is {options.Lease}; it is at least three times {Path}:Renewal ({options.Renewal}), and at most an hour.";
        }

        if (options.Check <= TimeSpan.Zero)
        {
            yield return $"{Path}:Check is {options.Check}; it is longer than nothing.";
        }
    }

    // The connection may hold a password: none of it is repeated.
    private static string? ConnectionProblem(string connection)
    {
        if (string.IsNullOrWhiteSpace(connection))
        {
            return "is empty; name a Redis, such as redis:6379.";
        }

        try
        {
            return ConfigurationOptions.Parse(connection).EndPoints.Count == 0 ? "names no server; begin with one, such as redis:6379." : null;
        }
        catch (ArgumentException)
        {
            return "cannot be read; write HOST:PORT, then settings of StackExchange.Redis with commas between them.";
        }
    }
}
