using Duplexity.Cli.Pipes;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

public sealed class VisitorWordsTests
{
    [Fact]
    public void Rules_come_with_commas_or_by_several_flags_and_none_is_none()
    {
        VisitorWords.Of(["signed-in, ip:10.0.0.0/8", "link"]).Should().Equal("signed-in", "ip:10.0.0.0/8", "link");
        VisitorWords.Of([]).Should().BeNull();
        VisitorWords.Of(null).Should().BeNull();
    }

    [Fact]
    public void A_user_without_a_password_gets_one_that_is_told_once_and_one_with_it_keeps_it()
    {
        var told = new List<(string User, string Password)>();

        var rules = VisitorWords.Complete(["basic:bob", "basic:amy:correct-horse", "client:basic:x"], (user, password) => told.Add((user, password)));

        var (user, made) = told.Should().ContainSingle().Subject;
        user.Should().Be("bob");
        made.Should().MatchRegex("^[a-z2-9]{16}$");
        rules.Should().Equal($"basic:bob:{made}", "basic:amy:correct-horse", "client:basic:x");
    }
}
