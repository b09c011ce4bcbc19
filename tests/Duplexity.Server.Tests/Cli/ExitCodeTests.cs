using System.Net.Sockets;
using System.Reflection;
using Duplexity.Cli;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

public sealed class ExitCodeTests
{
    [Theory]
    [InlineData(nameof(Errors.NameTaken), 6)]
    [InlineData(nameof(Errors.TakenOver), 7)]
    [InlineData(nameof(Errors.IdentityNotHeld), 4)]
    [InlineData(nameof(Errors.TokenExpired), 4)]
    [InlineData(nameof(Errors.IdentityExpired), 4)]
    [InlineData(nameof(Errors.Denied), 5)]
    [InlineData(nameof(Errors.GateRefused), 5)]
    [InlineData(nameof(Errors.ForcedOut), 5)]
    [InlineData(nameof(Errors.Revoked), 5)]
    [InlineData(nameof(Errors.Unavailable), 3)]
    [InlineData(nameof(Errors.Draining), 3)]
    [InlineData(nameof(Errors.OutcomeUnknown), 1)]
    [InlineData(nameof(Errors.RateLimited), 1)]
    [InlineData(nameof(Errors.InvalidPipe), 1)]
    [InlineData(nameof(Errors.SlowConsumer), 1)]
    public void A_refusal_has_the_exit_code_that_was_promised(string error, int exit)
    {
        var entry = ((int Code, string Name))typeof(Errors).GetField(error, BindingFlags.Public | BindingFlags.Static)!.GetValue(null)!;

        ExitCode.Of(new DuplexityException(DuplexityError.Of(entry, "no"))).Should().Be(exit);
    }

    [Fact]
    public void Every_error_of_the_protocol_is_a_failure()
    {
        typeof(Errors).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => ExitCode.Of((((int Code, string Name))f.GetValue(null)!).Code))
            .Should().OnlyContain(c => c >= 1 && c <= 7);
    }

    [Fact]
    public void Other_ends_have_theirs()
    {
        ExitCode.Of(new UsageException("x")).Should().Be(2);
        ExitCode.Of(new HttpRequestException()).Should().Be(3);
        ExitCode.Of(new SocketException()).Should().Be(3);
        ExitCode.Of(new TimeoutException()).Should().Be(3);
        ExitCode.Of(new NotSignedInException("x")).Should().Be(4);
        ExitCode.Of(new IOException()).Should().Be(1);
    }

    [Theory]
    [InlineData(2, "bogus")]
    [InlineData(2, "send", "lobby")]
    [InlineData(2, "send", "planet:mars", "hello")]
    [InlineData(2, "send", "lobby", "hello", "--wait", "someday")]
    [InlineData(2, "tail", "a", "b", "--since", "1@x")]
    [InlineData(2, "tail", "a", "--since", "1")]
    [InlineData(2, "history", "a", "-n", "-1")]
    [InlineData(2, "whoami", "--server", "ftp://x")]
    [InlineData(3, "whoami", "--server", "http://127.0.0.1:9")]
    [InlineData(3, "--as", "amy", "send", "lobby", "hello", "--server", "http://127.0.0.1:9")]
    [InlineData(3, "login", "http://127.0.0.1:9")]
    [InlineData(2, "login", "http://hub.example.org")]
    [InlineData(0, "--help")]
    [InlineData(0)]
    public async Task A_command_that_cannot_run_says_why_in_one_line(int exit, params string[] args)
    {
        using var cli = new CliUnderTest();

        (await cli.RunAsync(args)).Should().Be(exit);

        cli.Error.Should().HaveCount(exit == 0 ? 0 : 1).And.NotContain(l => !l.StartsWith("duplexity: "));
    }

    [Fact]
    public async Task An_interrupted_command_answers_130_and_says_nothing()
    {
        using var cli = new CliUnderTest();
        cli.Interrupt();

        (await cli.RunAsync("whoami", "--server", "http://127.0.0.1:9")).Should().Be(130);

        cli.Error.Should().BeEmpty();
    }
}
