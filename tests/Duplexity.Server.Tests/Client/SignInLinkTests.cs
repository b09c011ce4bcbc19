using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Client;

/// <summary>The link that a server gives a program to open.</summary>
public sealed class SignInLinkTests
{
    [Theory]
    [InlineData("file:///usr/bin/evil")]
    [InlineData("vscode://evil/run")]
    [Trait("Guarantee", "G25")]
    public async Task A_server_does_not_choose_a_file_or_a_program_that_is_opened(string link)
    {
        await using var server = new RawResource(async connection =>
        {
            await connection.ReadHeadAsync();
            var line = $"{{\"event\":\"started\",\"id\":\"i\",\"link\":\"{link}\",\"code\":\"BCDF-GHJK\",\"expiresAt\":1}}\n";
            await connection.SendAsync($"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {line.Length}\r\n\r\n{line}");
        });

        await FluentActions.Awaiting(() => SignIn.StartAsync(new Uri($"http://{server.Authority}/"), "test")).Should().ThrowAsync<DuplexityException>().WithMessage("*no web page's*");
    }
}
