using System.Net;
using Duplexity.Cli;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

/// <summary>The client's half of the development identity, against a service that answers as each test says.</summary>
[Trait("Guarantee", "G6")]
public sealed class DevelopmentTokenTests : IAsyncLifetime
{
    private readonly List<string> _seen = [];
    private Func<HttpContext, IResult> _answer = _ => Results.Json(new { access_token = "the token", expires_in = 43200 });
    private WebApplication? _service;
    private Uri _server = null!;

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _service = builder.Build();
        _service.Run(async context =>
        {
            using var body = new StreamReader(context.Request.Body);
            _seen.Add($"{context.Request.Method} {context.Request.Path} {context.Request.Headers[DevelopmentSecret.Header]} {await body.ReadToEndAsync()}");
            await _answer(context).ExecuteAsync(context);
        });
        await _service.StartAsync();
        _server = new Uri(_service.Urls.Single());
        Directory.CreateDirectory(Path.GetDirectoryName(Secret)!);
        await File.WriteAllTextAsync(Secret, "the secret\n");
    }

    private string Secret => DevelopmentSecret.PathFor(_server.Port);

    public async Task DisposeAsync()
    {
        File.Delete(Secret);
        await _service!.DisposeAsync();
    }

    [Fact]
    public async Task The_secret_of_the_file_buys_a_token_for_any_name()
    {
        (await DevelopmentToken.For(_server, "amy")(CancellationToken.None)).Should().Be("the token");

        _seen.Should().Equal("""POST /auth/development the secret {"client":"amy"}""");
    }

    [Fact]
    public async Task A_redirect_is_not_followed_with_the_secret()
    {
        _answer = _ => Results.Redirect("/elsewhere", preserveMethod: true);

        await FluentActions.Awaiting(() => DevelopmentToken.For(_server, "amy")(CancellationToken.None).AsTask()).Should().ThrowAsync<DuplexityException>().Where(e => e.Code == 400);

        _seen.Should().ContainSingle();
    }

    [Theory]
    [InlineData("https://hub.example.org")]
    [InlineData("http://10.0.0.1:5080")]
    [InlineData("http://localhost.example.org:5080")]
    [InlineData("http://cat1.localhost:5080")]
    public void No_server_but_this_machine_is_ever_shown_the_secret(string server)
    {
        FluentActions.Invoking(() => DevelopmentToken.For(new Uri(server), "amy")).Should().Throw<ArgumentException>();
    }

    [Fact]
    public async Task Without_a_service_in_development_the_connection_may_try_again()
    {
        _answer = _ => Results.NotFound();
        await FluentActions.Awaiting(() => DevelopmentToken.For(_server, "amy")(CancellationToken.None).AsTask()).Should().ThrowAsync<DuplexityException>().Where(e => e.Kind == ErrorKind.Unavailable);
        File.Delete(Secret);
        await FluentActions.Awaiting(() => DevelopmentToken.For(_server, "amy")(CancellationToken.None).AsTask()).Should().ThrowAsync<DuplexityException>().Where(e => e.Kind == ErrorKind.Unavailable);
    }

    [Fact]
    public async Task The_command_token_prints_it_and_login_remembers_who_but_no_token()
    {
        using var cli = new CliUnderTest();

        (await cli.RunAsync("--as", "amy", "token", "--server", _server.AbsoluteUri)).Should().Be(ExitCode.Done);
        (await cli.RunAsync("--as", "amy", "login", _server.AbsoluteUri)).Should().Be(ExitCode.Done);
        (await cli.RunAsync("token", "--json")).Should().Be(ExitCode.Done, "the server and the identity are remembered");

        cli.Output.Should().Equal("the token", $"signed in as amy at http://127.0.0.1:{_server.Port}", """{"accessToken":"the token"}""");
        Directory.GetFiles(Path.Combine(cli.Folder, "config"), "*", SearchOption.AllDirectories).Select(File.ReadAllText).Should().NotContain(t => t.Contains("the token"));
    }

    [Fact]
    public async Task A_service_that_is_not_in_development_is_told_apart_from_one_that_is_away()
    {
        using var cli = new CliUnderTest();
        _answer = context => Results.StatusCode(context.Request.Path == "/auth" ? (int)HttpStatusCode.Unauthorized : (int)HttpStatusCode.NotFound);

        (await cli.RunAsync("--as", "amy", "whoami", "--server", _server.AbsoluteUri)).Should().Be(ExitCode.NotSignedIn);

        cli.Error.Should().ContainSingle().Which.Should().Contain("DUPLEXITY_TOKEN");
    }

    [Fact]
    public async Task A_token_of_the_environment_serves_only_the_identity_it_is_for()
    {
        using var cli = new CliUnderTest();
        File.Delete(Secret);
        cli.Environment["DUPLEXITY_TOKEN"] = "a token";
        _answer = context => Results.Json(new { client = "amy", issuer = "shop", clients = new[] { context.Request.Headers.Authorization.ToString() == "Bearer a token" ? "amy" : "nobody" } });

        (await cli.RunAsync("whoami", "--server", _server.AbsoluteUri)).Should().Be(ExitCode.Done);
        (await cli.RunAsync("whoami", "--as", "amy", "--server", _server.AbsoluteUri)).Should().Be(ExitCode.Done);
        (await cli.RunAsync("whoami", "--as", "ben", "--server", _server.AbsoluteUri)).Should().Be(ExitCode.NotSignedIn);

        cli.Output.Should().AllBe($"amy at http://127.0.0.1:{_server.Port}").And.HaveCount(2);
    }
}
