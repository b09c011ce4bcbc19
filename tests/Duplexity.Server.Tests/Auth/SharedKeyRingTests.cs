using System.Security.Cryptography;
using Duplexity.Server.Auth;
using Duplexity.Server.Engine;
using FluentAssertions;
using Microsoft.AspNetCore.DataProtection;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

/// <summary>What the nodes of a cluster seal with (G18).</summary>
[Trait("Guarantee", "G18")]
public sealed class SharedKeyRingTests
{
    private const string Old = "the cluster's key, of 32 characters";
    private const string New = "another key, which comes after that";

    private readonly MemoryRecords _records = new(TimeProvider.System);

    [Fact]
    public async Task One_node_opens_what_another_sealed_and_who_only_reads_the_records_opens_nothing()
    {
        var (one, other, stranger) = (Ring(Old), Ring(Old), Ring(New));

        var text = one.Protect("a refresh token");

        other.Unprotect(text).Should().Be("a refresh token");
        stranger.Invoking(s => s.Unprotect(text)).Should().Throw<CryptographicException>();
        (await _records.ListAsync("sealing-key")).Should().NotBeEmpty().And.NotContain(r => r.Value.Contains("masterKey"));
    }

    [Fact]
    public void While_the_clusters_key_changes_both_open_and_afterwards_the_new_one_opens_what_was_sealed_before()
    {
        var text = Ring(Old).Protect("a refresh token");

        Ring(New, former: Old).Unprotect(text).Should().Be("a refresh token");
        Ring(New).Unprotect(text).Should().Be("a refresh token", "the sealing keys were sealed anew");
    }

    private IDataProtector Ring(string key, string? former = null) => SharedKeyRing.Of(_records, new ClusterOptions { Key = key, FormerKey = former }).CreateProtector("test");
}
