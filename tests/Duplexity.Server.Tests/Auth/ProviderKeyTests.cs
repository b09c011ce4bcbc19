using System.Net;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

/// <summary>The provider changes its keys.</summary>
public sealed class ProviderKeyTests
{
    [Fact]
    [Trait("Requirement", "2.7")]
    [Trait("Guarantee", "G19")]
    public async Task Nobody_who_is_signed_in_is_cut_off_when_the_provider_changes_its_key()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s => s.Time = time);
        var tokens = await SignInRig.SignInAsync(node, provider, "amy");

        for (var i = 2; i < 5; i++)
        {
            provider.ChangeKey($"k{i}");
            (var status, tokens) = await SignInRig.RefreshAsync(node, tokens);
            status.Should().Be(HttpStatusCode.OK, "the first token of a key that is not known yet makes the service look for it");
            time.Advance(TimeSpan.FromMinutes(2));
        }
    }
}
