using Duplexity.Cli;
using Duplexity.Cli.Settings;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

public sealed class ServerChoiceTests
{
    [Theory]
    [InlineData("http://a", "http://b", "http://c", "http://a/")]
    [InlineData(null, "http://b", "http://c", "http://b/")]
    [InlineData(null, "", "http://c", "http://c/")]
    [InlineData(null, null, null, "http://localhost:5080/")]
    public void The_option_wins_over_the_environment_over_the_last_sign_in(string? option, string? variable, string? signedIn, string chosen)
    {
        ServerChoice.Resolve(option, variable, signedIn).AbsoluteUri.Should().Be(chosen);
    }

    [Theory]
    [InlineData("localhost:5080", "http://localhost:5080/")]
    [InlineData("127.0.0.1", "http://127.0.0.1/")]
    [InlineData("[::1]:5080", "http://[::1]:5080/")]
    [InlineData("hub.example.org", "https://hub.example.org/")]
    [InlineData("hub.example.org:8443", "https://hub.example.org:8443/")]
    [InlineData("http://hub.example.org/rt", "http://hub.example.org/rt/")]
    public void Without_a_scheme_it_is_plain_here_and_tls_elsewhere(string typed, string server)
    {
        ServerChoice.Parse(typed).AbsoluteUri.Should().Be(server);
    }

    [Theory]
    [InlineData("DUPLEXITY_KEY", "dxk_key-x.secret")]
    [InlineData("DUPLEXITY_TOKEN", "secret")]
    [Trait("Guarantee", "G25")]
    public async Task A_credential_from_the_environment_is_not_sent_to_another_machine_in_the_clear_unless_one_says_so(string variable, string value)
    {
        using var cli = new CliUnderTest();
        cli.Environment[variable] = value;

        var refused = await cli.RunAsync("--server", "http://hub.invalid", "whoami");
        var said = cli.Error.Single();
        var meant = await cli.RunAsync("--server", "http://hub.invalid", "--insecure", "whoami");
        var safe = await cli.RunAsync("--server", "https://hub.invalid", "whoami");

        refused.Should().Be(ExitCode.Usage);
        said.Should().Contain(variable).And.Contain("https").And.Contain("--insecure").And.NotContain("secret");
        (meant, safe).Should().Be((ExitCode.NotReachable, ExitCode.NotReachable), "it was tried, and nothing is there");
    }

    [Theory]
    [InlineData("ftp://x")]
    [InlineData("http://")]
    [InlineData("http://me:secret@x")]
    [InlineData("http://x/?a=b")]
    [InlineData("two words")]
    public void What_is_no_server_is_a_usage_error(string typed)
    {
        FluentActions.Invoking(() => ServerChoice.Parse(typed)).Should().Throw<UsageException>();
    }

    [Fact]
    [Trait("Guarantee", "G25")]
    public void A_sign_in_is_kept_by_origin_in_a_file_for_its_owner_alone()
    {
        var folder = Directory.CreateTempSubdirectory("duplexity-config-").FullName;
        try
        {
            var here = new Uri("http://localhost:5080/");
            var other = new Uri("http://localhost:5081/");

            SignIns.Load(folder).SignIn(here, "amy");

            var again = SignIns.Load(folder);
            again.Server.Should().Be(here.AbsoluteUri);
            again.ClientAt(here).Should().Be("amy");
            again.ClientAt(other).Should().BeNull("another port is another origin");
            again.ClientAt(new Uri("https://localhost:5080/")).Should().BeNull("another scheme is another origin");
            var file = Directory.GetFiles(Path.Combine(folder, "duplexity")).Should().ContainSingle().Which;
            if (!OperatingSystem.IsWindows())
            {
                File.GetUnixFileMode(file).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            again.SignOut(here, "amy").Should().BeTrue();
            SignIns.Load(folder).ClientAt(here).Should().BeNull();
            SignIns.Load(folder).Server.Should().BeNull();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
