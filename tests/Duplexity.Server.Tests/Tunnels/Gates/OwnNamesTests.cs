using Duplexity.Server.Tunnels.Gates;
using FluentAssertions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels.Gates;

/// <summary>What is said to the front is taken out; the rest stays byte by byte.</summary>
[Trait("Guarantee", "G5")]
public sealed class OwnNamesTests
{
    [Theory]
    [InlineData("a=1; b=2", "a=1; b=2")]
    [InlineData("duplexity-visitor=x", null)]
    [InlineData("a=1; duplexity-visitor=x; b=2", "a=1; b=2")]
    [InlineData("__Host-duplexity-visitor=x;a=1;duplexity-link=y", "a=1")]
    [InlineData("a=\"duplexity-visitor=1\"; __HOST-DUPLEXITY-SIGN-IN=z;  c", "a=\"duplexity-visitor=1\";  c")]
    [InlineData("duplexity-visitors=mine", "duplexity-visitors=mine")]
    public void Cookies(string sent, string? left)
    {
        IHeaderDictionary headers = new HeaderDictionary();
        headers.Cookie = sent;

        OwnNames.TakeCookies(headers);

        headers.Cookie.ToString().Should().Be(left ?? "");
    }

    [Theory]
    [InlineData("/a?x=1&y=%20", "/a?x=1&y=%20")]
    [InlineData("/a?duplexity-link=abc", "/a")]
    [InlineData("/a?x=1&duplexity-link=abc&y", "/a?x=1&y")]
    [InlineData("/a?&&x=%2F&DUPLEXITY-CODE=1&", "/a?&&x=%2F&")]
    [InlineData("/duplexity-link=abc?x", "/duplexity-link=abc?x")]
    [InlineData("/a?duplexity-links=mine", "/a?duplexity-links=mine")]
    public void Parameters(string sent, string left)
    {
        var context = new DefaultHttpContext();
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = sent;

        OwnNames.TakeQuery(context);

        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget.Should().Be(left);
    }

    [Theory]
    [InlineData("/a/b?c=d", "/a/b?c=d")]
    [InlineData("/", "/")]
    [InlineData("//evil.example/", "/")]
    [InlineData("/\\evil.example/", "/")]
    [InlineData("https://evil.example/", "/")]
    [InlineData("/\r\nSet-Cookie: x", "/")]
    public void Where_a_browser_is_sent_is_at_this_host(string packed, string expected) => OwnNames.Unpack(OwnNames.Pack(packed)).Should().Be(expected);

    [Theory]
    [InlineData("/docs", "/docs", true)]
    [InlineData("/docs", "/docs/", true)]
    [InlineData("/docs/", "/docs/a?b=//../", true)]
    [InlineData("/", "/anything", true)]
    [InlineData("/docs", "/docsx", false)]
    [InlineData("/docs", "/Docs", false)]
    [InlineData("/docs", "/docs/../x", false)]
    [InlineData("/docs", "/docs/..;/x", false)]
    [InlineData("/docs", "/docs/%252e%252e/x", false)]
    [InlineData("/", "/a//b", false)]
    public void A_path_covers_what_is_below_it_and_nothing_that_two_servers_read_in_two_ways(string path, string target, bool expected) => PathRule.Covers(path, target).Should().Be(expected);
}
