using Duplexity.Server.Tests.Redis;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

/// <summary><c>serve --check</c>, as a process of its own: its settings come from its environment and its command line.</summary>
[Trait("Requirement", "2.3")]
public sealed class ServeCheckTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    [Fact]
    public async Task Each_setting_is_printed_with_its_value_and_where_it_came_from_and_no_secret()
    {
        var (exit, output) = await CheckAsync(
            [("Duplexity__Limits__SignIns", "77"), ("Duplexity__Auth__Keys__shop__Issuer", "https://shop.example.org"), ("Duplexity__Auth__Keys__shop__Secret", "canary-secret-canary-secret-canary-secret"), ("Duplexity__Rooms__bank-*__Members", "5")],
            "--Duplexity:Times:Carry=00:00:07", "--Duplexity:Origins:0=https://app.example.org", "--environment", "Production");

        exit.Should().Be(0, output);
        output.Split('\n', StringSplitOptions.TrimEntries).Should().Contain(
            "Duplexity:Limits:SignIns = 77  [environment]",
            "Duplexity:Times:Carry = 00:00:07  [command line]",
            "Duplexity:Times:SignIn = 00:10:00  [default]",
            "Duplexity:Origins = https://app.example.org  [command line]",
            "Duplexity:Rooms:bank-*:Members = 5  [environment]",
            "Duplexity:Auth:Keys:shop:Issuer = https://shop.example.org  [environment]",
            "Duplexity:Auth:Keys:shop:Secret = (set, not shown)  [environment]",
            "environment = Production  [command line]",
            "A node would start with these settings.");
        output.Should().Contain("Duplexity:Data = ").And.Contain("[default of serve]").And.NotContain("canary-secret");
    }

    [Fact]
    public async Task All_that_is_wrong_or_missing_is_said_at_once_with_exit_code_1()
    {
        var (exit, output) = await CheckAsync(
            [("Duplexity__Limts__SignIns", "canary-value")],
            "--environment", "Production", "--Duplexity:Metrics:Address=http://0.0.0.0:9464", "--Duplexity:Auth:CidClaim=email", "--Duplexity:Origins:0=*");

        exit.Should().Be(1, output);
        output.Should().Contain("! Duplexity:Metrics:Address is").And.Contain("! Duplexity:Auth:CidClaim is").And.Contain("Duplexity:Limts:SignIns (environment) is no setting").And.Contain("Duplexity:Origins")
            .And.NotContain("canary-value").And.NotContain("   at ");
    }

    [Fact]
    public async Task A_word_where_a_number_belongs_is_named()
    {
        var (exit, output) = await CheckAsync([], "--environment", "Development", "--Duplexity:Limits:SignIns=many");

        exit.Should().Be(1, output);
        output.Should().Contain("Duplexity:Limits:SignIns").And.NotContain("   at ");
    }

    [Fact]
    public async Task Redis_is_asked_whether_it_can_be_used()
    {
        var (exit, output) = await CheckAsync([], "--environment", "Development", $"--Duplexity:Redis:Connection={redis.Server.Connection}");

        exit.Should().Be(0, output);
        output.Should().Contain("Redis answers").And.Contain("Duplexity:Redis:Connection = (set, not shown)  [command line]");
    }

    [Fact]
    public async Task A_Redis_that_is_not_there_is_a_problem_and_its_password_is_not_shown()
    {
        var (exit, output) = await CheckAsync([("Duplexity__Redis__Connection", $"127.0.0.1:{FreePorts.One()},password=canary-word")], "--environment", "Development", "--Duplexity:Redis:Timeout=00:00:02");

        exit.Should().Be(1, output);
        output.Should().Contain("! Redis cannot be reached").And.NotContain("canary-word");
    }

    [Fact]
    [Trait("Requirement", "2.20")]
    public async Task A_front_is_checked_as_one_and_has_no_Redis()
    {
        string[] front = ["--environment", "Production", "--Duplexity:Roles=front", "--Duplexity:Front:Backends:0=http://10.0.0.5:5081"];
        (string, string?)[] key = [("Duplexity__Front__Key", "canary-key-of-fronts-canary-key-of-fronts")];

        var (exit, output) = await CheckAsync(key, front);
        var (without, missing) = await CheckAsync([], front);
        var (more, tooMuch) = await CheckAsync(key, [.. front, "--Duplexity:Redis:Connection=127.0.0.1:1"]);

        exit.Should().Be(0, output);
        output.Should().Contain("Duplexity:Roles = front  [command line]").And.Contain("Duplexity:Front:Key = (set, not shown)").And.NotContain("canary-key");
        without.Should().Be(1, missing);
        missing.Should().Contain("! Duplexity:Front:Key is missing");
        more.Should().Be(1, tooMuch);
        tooMuch.Should().Contain("! Duplexity:Redis is set, and this is a front");
    }

    private static async Task<(int Exit, string Output)> CheckAsync((string Name, string? Value)[] environment, params string[] settings)
    {
        var home = Directory.CreateTempSubdirectory("duplexity-home-");
        try
        {
            await using var process = RealProcess.Start(
                ProcessTools.DotNet, [ProcessTools.Built("client-sdk/Duplexity.Cli", "duplexity.dll"), "serve", "--check", .. settings],
                [("HOME", home.FullName), ("XDG_STATE_HOME", home.FullName), ("ASPNETCORE_URLS", null), ("ASPNETCORE_ENVIRONMENT", null), ("DOTNET_NOLOGO", "1"), .. environment], home.FullName);
            var exit = await process.ExitAsync(TestTimeout.Long);
            Directory.GetFileSystemEntries(home.FullName, "*.db", SearchOption.AllDirectories).Should().BeEmpty("nothing is started");
            return (exit, process.Output);
        }
        finally
        {
            home.Delete(recursive: true);
        }
    }
}
