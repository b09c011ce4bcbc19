using Duplexity.Server;
using Duplexity.Server.Redis;
using Microsoft.Extensions.Options;

namespace Duplexity.Host.Checking;

/// <summary>
/// <c>serve --check</c>: what a node would run with, and whether it would start. Prints each setting, its value and where it came from; secrets are not shown. Asks every check that the start asks, and Redis whether it is one that can be used.
/// Nothing is started and nothing is written.
/// </summary>
internal sealed class ServeCheck(IServiceProvider services, IConfigurationRoot configuration, TextWriter output)
{
    private readonly Sources _sources = new(configuration);
    private readonly List<string> _problems = [];
    private readonly List<Setting> _settings = [];

    /// <summary>Checks; true where a node would start.</summary>
    public async Task<bool> RunAsync(string urls)
    {
        Say("urls", urls, _sources.Of("urls"));
        Say("environment", services.GetRequiredService<IHostEnvironment>().EnvironmentName, _sources.Of("environment"));
        Say(Telemetry.Endpoint, configuration[Telemetry.Endpoint] ?? "", _sources.Of(Telemetry.Endpoint));
        Check<DuplexityOptions>(DuplexityOptions.Section);
        Check<MetricsOptions>(MetricsOptions.Section);
        Check<HostAskOptions>(HostAskOptions.Section);
        if (services.GetService<IValidateOptions<OpenIdOptions>>() is not null)
        {
            Check<OpenIdOptions>(OpenIdOptions.Section);
        }

        if (services.GetService<RedisLink>() is not null && Check<RedisOptions>(RedisOptions.Section))
        {
            await AskRedisAsync();
        }

        LookForUnknown();
        foreach (var problem in _problems)
        {
            output.WriteLine($"! {problem}");
        }

        output.WriteLine(_problems.Count == 0 ? "A node would start with these settings." : "A node would not start, or not as meant.");
        return _problems.Count == 0;
    }

    /// <summary>Whether the options could be read and pass their checks.</summary>
    private bool Check<T>(string section)
        where T : class, new()
    {
        var options = new T();
        try
        {
            foreach (var configure in services.GetServices<IConfigureOptions<T>>())
            {
                configure.Configure(options);
            }

            foreach (var configure in services.GetServices<IPostConfigureOptions<T>>())
            {
                configure.PostConfigure(Options.DefaultName, options);
            }
        }
        catch (InvalidOperationException e)
        {
            // A word where a number belongs: the binder names the key.
            _problems.Add(e.Message);
            return false;
        }

        foreach (var setting in Settings.Of(options, section))
        {
            _settings.Add(setting);
            Say(setting.Path, Shown(setting), _sources.Of(setting.Path) ?? (Settings.Text(setting.Value) == Settings.Text(setting.Default) ? null : "the program"));
        }

        string[] failures = [.. services.GetServices<IValidateOptions<T>>().Select(v => v.Validate(Options.DefaultName, options)).Where(r => r.Failed).SelectMany(r => r.Failures ?? [])];
        _problems.AddRange(failures);
        return failures.Length == 0;
    }

    private async Task AskRedisAsync()
    {
        await using var link = new RedisLink(services.GetRequiredService<IOptions<RedisOptions>>().Value, TimeProvider.System);
        try
        {
            await link.OpenAsync();
            var (level, _) = await new RedisCheck(link, services.GetRequiredService<DuplexityOptions>(), services.GetRequiredService<ILogger<ServeCheck>>()).RunAsync();
            output.WriteLine($"Redis answers, and can be used; receipts say {level.ToString().ToLowerInvariant()}.");
        }
        catch (Exception e) when (e is RedisRefusedException or DuplexityException or StackExchange.Redis.RedisException)
        {
            _problems.Add(e.Message);
        }
    }

    /// <summary>What is written and nobody reads: misspelt, as a rule. Its value may be anything, and is not shown.</summary>
    private void LookForUnknown()
    {
        foreach (var (key, value) in configuration.GetSection(DuplexityOptions.Section).AsEnumerable())
        {
            if (value is not null && !_settings.Exists(s => s.IsSaidBy(key)))
            {
                _problems.Add($"{VisibleText.Of(key, VisibleText.LogLength)} ({_sources.Of(key)}) is no setting; is it misspelt?");
            }
        }
    }

    private void Say(string path, string value, string? source) => output.WriteLine($"{path} = {value}  [{source ?? "default"}]");

    private static string Shown(Setting setting)
    {
        var text = Settings.Text(setting.Value);
        if (setting.IsSecret)
        {
            return text.Length == 0 ? "" : "(set, not shown)";
        }

        // An address may have credentials in it.
        var shown = Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.UserInfo + uri.Query is { Length: > 0 } ? $"{uri.GetLeftPart(UriPartial.Path).Replace(uri.UserInfo + "@", "", StringComparison.Ordinal)} (the rest is not shown)" : text;
        return VisibleText.Of(shown, VisibleText.LogLength);
    }
}
