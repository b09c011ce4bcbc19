using Duplexity.Server.Tunnels;
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
    [InlineData("duplexity-sticky=s", "", "s")]
    [InlineData("a=1; duplexity-sticky = s ; b=2", "a=1; b=2", "s")]
    [InlineData("duplexity-sticky=s; duplexity-sticky=t", "", "s")]
    [InlineData("duplexity-sticky=\"s\"; a=1", "a=1", "s")]
    [InlineData("duplexity-sticky; a=1", "a=1", null)]
    [InlineData("Duplexity-Sticky=s; a=1", "a=1", null)]
    [InlineData("duplexity-sticky=; a=1", "a=1", "")]
    [InlineData("duplexity-sticky==s=; a=1", "a=1", "=s=")]
    [InlineData("; ;duplexity-sticky=s;", "", "s")]
    [InlineData("a=duplexity-sticky=s", "a=duplexity-sticky=s", null)]
    [InlineData("duplexity-visitor=v; a=1", "duplexity-visitor=v; a=1", null)]
    [InlineData("", "", null)]
    public void A_cookie_of_ours_is_taken_however_it_is_written_and_believed_as_it_was_given(string sent, string left, string? value)
    {
        var request = new DefaultHttpContext().Request;
        request.Headers.Cookie = sent;

        StickyCookie.Take(request).Should().Be(value);

        request.Headers.Cookie.ToString().Should().Be(left);
    }

    [Fact]
    public void Cookies_in_several_headers_as_HTTP_2_splits_them_are_taken_from_each_and_what_has_none_of_ours_stays_as_it_is()
    {
        IHeaderDictionary headers = new HeaderDictionary();
        headers.Cookie = new(["a=1", "duplexity-visitor=x", "  b=2;;", "c=3; DUPLEXITY-LINK=y", "__Host-duplexity-visitor=z", ""]);

        var taken = OwnNames.TakeCookies(headers);

        headers.Cookie.Should().Equal("a=1", "  b=2;;", "c=3", "");
        taken.Should().BeEquivalentTo(new Dictionary<string, string> { ["duplexity-visitor"] = "x", ["DUPLEXITY-LINK"] = "y", ["__Host-duplexity-visitor"] = "z" });
    }

    [Theory]
    [InlineData("https://cat1.example.org/", "duplexity-visitor=tossed; __Host-duplexity-visitor=own", "own")]
    [InlineData("https://cat1.example.org/", "duplexity-visitor=tossed", null)]
    [InlineData("http://cat1.localhost:5080/", "duplexity-visitor=own", "own")]
    [InlineData("http://cat1.localhost:5080/", "__Host-duplexity-visitor=other", null)]
    public void Over_https_only_a_cookie_is_believed_that_no_other_host_can_have_set(string url, string sent, string? expected)
    {
        var context = new DefaultHttpContext();
        context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget = "/";
        context.Request.Headers.Cookie = sent;
        context.Connection.RemoteIpAddress = System.Net.IPAddress.Loopback;
        var entry = new Duplexity.Server.Engine.PipeEntry { Name = "cat1", Client = "amy", Session = "s", Generation = 1, Node = "n", Resource = "9", HostHeader = "keep", Url = url, Since = default };

        var visitor = Visitor.Of(context, new Duplexity.Server.Sockets.PeerAddresses(Microsoft.Extensions.Options.Options.Create(new DuplexityOptions())));

        visitor.Cookie(entry, OwnNames.VisitorCookie).Should().Be(expected);
        context.Request.Headers.Cookie.Should().BeEmpty();
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
