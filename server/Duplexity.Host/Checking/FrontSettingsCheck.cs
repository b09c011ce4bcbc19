using Duplexity.Server;
using Microsoft.Extensions.Options;

namespace Duplexity.Host.Checking;

/// <summary>Refuses a front that was given what a front must not have, and would not use.</summary>
internal sealed class FrontSettingsCheck(IConfiguration configuration) : IValidateOptions<DuplexityOptions>
{
    public ValidateOptionsResult Validate(string? name, DuplexityOptions options) => configuration.GetSection(RedisOptions.Section).GetChildren().Any()
        ? ValidateOptionsResult.Fail($"{RedisOptions.Section} is set, and this is a front (Duplexity:Roles): it asks the nodes of Duplexity:Front:Backends and has no Redis. Leave it out here.")
        : ValidateOptionsResult.Success;
}
