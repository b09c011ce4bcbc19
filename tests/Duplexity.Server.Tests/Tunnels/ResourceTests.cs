using Duplexity.Carriers;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

[Trait("Requirement", "3.2")]
public sealed class ResourceTests
{
    [Theory]
    [InlineData("3000", "http://localhost:3000")]
    [InlineData("localhost:3000", "http://localhost:3000")]
    [InlineData("127.0.0.1:9090", "http://127.0.0.1:9090")]
    [InlineData("[::1]:9090", "http://[::1]:9090")]
    [InlineData("http://LocalHost", "http://localhost:80")]
    [InlineData("http://localhost:3000/", "http://localhost:3000")]
    [InlineData("https://localhost:8443", "https://localhost:8443")]
    [InlineData("https://localhost", "https://localhost:443")]
    [InlineData("tcp://localhost:22", "tcp://localhost:22")]
    [InlineData("unix:/run/app.sock", "unix:/run/app.sock")]
    public void Resources_have_one_canonical_text(string text, string canonical) => Resource.Parse(text).ToString().Should().Be(canonical);

    [Theory]
    [InlineData("")]
    [InlineData("localhost")]
    [InlineData("0")]
    [InlineData("70000")]
    [InlineData("localhost:")]
    [InlineData("localhost:x")]
    [InlineData("::1:80")]
    [InlineData("[::1")]
    [InlineData("[::1]80")]
    [InlineData("tcp://localhost")]
    [InlineData("ftp://localhost:21")]
    [InlineData("http://user@localhost:80")]
    [InlineData("http://localhost:3000/app")]
    [InlineData("http://localhost:3000?x")]
    [InlineData("unix:run/app.sock")]
    [InlineData("a b:80")]
    [InlineData("\u001b[31m:80")]
    public void What_is_no_resource_is_refused_with_a_sentence(string text) =>
        FluentActions.Invoking(() => Resource.Parse(text)).Should().Throw<FormatException>().Which.Message.Should().EndWith(".").And.NotContain("\u001b");
}
