using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;
using Duplexity.Host.Checking;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Diagnostics;

/// <summary>OPERATIONS.md cannot rot: its tables are compared with the options and with the instruments of a node. <c>DUPLEXITY_WRITE_PROTOCOL=1</c> writes them anew.</summary>
[Trait("Requirement", "3.2")]
public sealed partial class OperationsPageTests
{
    [Fact]
    public async Task The_page_has_every_setting_with_its_default_and_every_metric_and_no_other()
    {
        await using var node = await TestNode.StartAsync();
        var page = File.ReadAllText(OperationsPage.FilePath);
        var renewed = OperationsPage.Renew(page, Instruments(node.Services));
        if (Environment.GetEnvironmentVariable("DUPLEXITY_WRITE_PROTOCOL") == "1")
        {
            File.WriteAllText(OperationsPage.FilePath, renewed);
            page = renewed;
        }

        page.Should().Contain("<!-- generated: settings -->").And.Contain("<!-- generated: metrics -->").And.Contain("| `Limits:SignIns` | `1000` |").And.Contain("| `duplexity.append.duration` | `s` | histogram |");
        page.Should().Be(renewed, "run this test with DUPLEXITY_WRITE_PROTOCOL=1 after a change of settings or metrics");
    }

    [Fact]
    public void Every_setting_has_a_key_of_its_own_and_says_what_it_is()
    {
        var settings = OperationsPage.Sections.SelectMany(s => Settings.Known(s.Options, s.Section)).ToList();

        settings.Should().HaveCountGreaterThan(130).And.OnlyHaveUniqueItems(s => s.Path);
        settings.Select(s => s.Path).Should().Contain(["Duplexity:Rooms:NAME:Join", "Duplexity:Allowances:NAME:Limits:Messages", "Duplexity:Auth:Keys:NAME:Secret", "Duplexity:Redis:Lease", "Duplexity:OpenId:Clients:NAME:Redirects", "Duplexity:Metrics:Open"]);
        settings.Where(s => s.IsSecret).Select(s => s.Path).Should().BeEquivalentTo(
            "Duplexity:Gates:NAME:Secret", "Duplexity:Auth:SigningKey", "Duplexity:Auth:Keys:NAME:Secret", "Duplexity:Auth:Oidc:ClientSecret", "Duplexity:OpenId:Clients:NAME:Secret", "Duplexity:Redis:Connection", "Duplexity:Cluster:Key", "Duplexity:Cluster:FormerKey", "Duplexity:Cluster:FrontKey", "Duplexity:Cluster:FormerFrontKey", "Duplexity:Front:Key", "Duplexity:Front:FormerKey");
    }

    [Fact]
    public async Task The_unit_of_the_page_is_one_that_systemd_takes()
    {
        var unit = Unit().Match(File.ReadAllText(OperationsPage.FilePath)).Groups[1].Value;
        var folder = Directory.CreateTempSubdirectory("duplexity-unit-");
        var file = Path.Combine(folder.FullName, "duplexity.service");
        File.WriteAllText(file, unit.Replace("/usr/local/bin/duplexity", "/bin/true", StringComparison.Ordinal));

        unit.Should().Contain("ExecStart=/usr/local/bin/duplexity serve");
        if (ProcessTools.TryFind("systemd-analyze") is { } program)
        {
            await using var verify = RealProcess.Start(program, ["verify", file]);
            (await verify.ExitAsync()).Should().Be(0);
            verify.Output.Trim().Should().BeEmpty("it says what it does not know and goes on");
        }

        folder.Delete(recursive: true);
    }

    /// <summary>All instruments of a node.</summary>
    internal static IReadOnlyList<Instrument> Instruments(IServiceProvider services)
    {
        var factory = services.GetRequiredService<IMeterFactory>();
        var found = new List<Instrument>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Scope == factory && instrument.Meter.Name == "Duplexity.Server")
                {
                    found.Add(instrument);
                }
            },
        };
        listener.Start();
        return found;
    }

    [GeneratedRegex("^```ini\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Unit();
}
