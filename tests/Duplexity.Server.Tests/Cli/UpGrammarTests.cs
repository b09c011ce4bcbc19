using Duplexity.Cli;
using Duplexity.Cli.Pipes;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

[Trait("Requirement", "2.16")]
public sealed class UpGrammarTests
{
    [Theory]
    [InlineData("3000", null, "http://localhost:3000")]
    [InlineData("localhost:3000", null, "http://localhost:3000")]
    [InlineData("cat1=3000", "cat1", "http://localhost:3000")]
    [InlineData("cat1.localhost=127.0.0.1:9090", "cat1.localhost", "http://127.0.0.1:9090")]
    [InlineData("cat1=https://localhost:8443", "cat1", "https://localhost:8443")]
    [InlineData("https://localhost:8443/", null, "https://localhost:8443")]
    [InlineData("cat1=http://shop.internal", "cat1", "http://shop.internal:80")]
    [InlineData("cat1=[::1]:3000", "cat1", "http://[::1]:3000")]
    [InlineData("tcp://localhost:22", ":", "tcp://localhost:22")]
    [InlineData(":7001=tcp://localhost:22", ":7001", "tcp://localhost:22")]
    [InlineData(":7001=22", ":7001", "tcp://localhost:22")]
    [InlineData(":7001=localhost:22", ":7001", "tcp://localhost:22")]
    [InlineData("app=unix:/run/app.sock", "app", "unix:/run/app.sock")]
    [InlineData("unix:/run/a=b.sock", null, "unix:/run/a=b.sock")]
    [InlineData("bücher=3000", "bücher", "http://localhost:3000")]
    [InlineData("cat1=h2c://localhost:5000", "cat1", "h2c://localhost:5000")]
    [InlineData("cat1=h2://localhost:5001", "cat1", "h2://localhost:5001")]
    [InlineData("cat1=tls://localhost:8443", "cat1", "tls://localhost:8443")]
    [InlineData("./public", null, "folder:./public")]
    [InlineData(".", null, "folder:.")]
    [InlineData("./a=b", null, "folder:./a=b")]
    [InlineData("site=./public", "site", "folder:./public")]
    [InlineData("site=/var/www", "site", "folder:/var/www")]
    [InlineData("room:orders", null, "room:orders")]
    [InlineData("orders=room:orders", "orders", "room:orders")]
    public void What_people_type_has_one_canonical_form(string typed, string? name, string resource)
    {
        PipeSpec.Parse(typed).Should().Be(new PipeSpec(name, resource));
    }

    [Theory]
    [InlineData("")]
    [InlineData("cat1=")]
    [InlineData("=3000")]
    [InlineData("localhost")]
    [InlineData("cat1=localhost")]
    [InlineData("0")]
    [InlineData("65536")]
    [InlineData("99999999999999999999")]
    [InlineData(":0=22")]
    [InlineData(":70000=22")]
    [InlineData("ftp://localhost:21")]
    [InlineData("http://localhost:3000/app")]
    [InlineData("http://localhost:3000/?x=1")]
    [InlineData("http://me:secret@localhost:3000")]
    [InlineData("cat1=tcp://localhost:22")]
    [InlineData(":7001=http://localhost:80")]
    [InlineData(":7001=room:orders")]
    [InlineData("socket:abc")]
    [InlineData("tcp://localhost")]
    [InlineData("unix:app.sock")]
    [InlineData("ca t=3000")]
    [InlineData("cat1\n=3000")]
    [InlineData("cat1=3000\n")]
    public void What_cannot_be_served_is_a_usage_error(string typed)
    {
        FluentActions.Invoking(() => PipeSpec.Parse(typed)).Should().Throw<UsageException>().Which.Message.Should().NotBeEmpty();
    }

    [Fact]
    public void Paths_of_one_name_are_routes_of_one_pipe()
    {
        var pipe = PathRoutes.Gather([PipeSpec.Parse("cat1=3000"), PipeSpec.Parse("cat1/api=8080"), PipeSpec.Parse("cat1/api/v2=./old"), PipeSpec.Parse("dog1=1")], strip: true)[0];
        pipe.Resource.Should().Be("http://localhost:3000");
        pipe.Traffic!.Routes.Select(r => (r.Path, r.Resource, r.Strip)).Should().Equal(("/api", "http://localhost:8080", true), ("/api/v2", "folder:./old", true));

        FluentActions.Invoking(() => PathRoutes.Gather([PipeSpec.Parse("cat1/api=8080")], strip: false)).Should().Throw<UsageException>().WithMessage("*cat1=RESOURCE*");
        FluentActions.Invoking(() => PipeSpec.Parse("cat1/=8080")).Should().Throw<UsageException>();
        FluentActions.Invoking(() => PipeSpec.Parse("cat1/a//b=8080")).Should().Throw<UsageException>();
    }

    [Theory]
    [InlineData("db=localhost:5432", "db", "tcp://localhost:5432")]
    [InlineData("db=5432", "db", "tcp://localhost:5432")]
    [InlineData("db=tcp://localhost:5432", "db", "tcp://localhost:5432")]
    [InlineData("Web=http://localhost:3000", "Web", "http://localhost:3000")]
    [InlineData("db=unix:/run/postgresql/.s.PGSQL.5432", "db", "unix:/run/postgresql/.s.PGSQL.5432")]
    [InlineData("5432", null, "tcp://localhost:5432")]
    public void A_private_pipe_has_a_word_for_a_name_and_serves_bytes(string typed, string? name, string resource)
    {
        PipeSpec.Parse(typed, isPrivate: true).Should().Be(new PipeSpec(name, resource) { Private = true });
    }

    [Theory]
    [InlineData("a.b=5432")]
    [InlineData(":7001=5432")]
    [InlineData("-a=5432")]
    [InlineData("db/x=5432")]
    [InlineData("db=")]
    public void What_cannot_be_a_private_pipe_is_a_usage_error(string typed)
    {
        FluentActions.Invoking(() => PipeSpec.Parse(typed, isPrivate: true)).Should().Throw<UsageException>().Which.Message.Should().NotBeEmpty();
    }

    [Theory]
    [InlineData("up", "a.b=3000", "--private")]
    [InlineData("up", "--private")]
    [InlineData("dial")]
    [InlineData("dial", "db", "--port", "70000")]
    [InlineData("up", "hook=3000", "--offline", "keep")]
    [InlineData("up", "ask=room:orders", "--reply", "soon")]
    [InlineData("up", "3000", "--host-header", "two words")]
    [InlineData("up")]
    [InlineData("tcp", "localhost")]
    [InlineData("tcp", "22", "--port", "seventy")]
    public async Task A_wrong_command_line_ends_with_2_and_one_line(params string[] args)
    {
        using var cli = new CliUnderTest();

        (await cli.RunAsync(args)).Should().Be(2);

        cli.Error.Should().ContainSingle().Which.Should().StartWith("duplexity: ");
        cli.Output.Should().BeEmpty();
    }
}
