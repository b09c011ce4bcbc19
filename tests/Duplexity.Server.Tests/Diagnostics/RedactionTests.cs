using Duplexity.Server.Diagnostics;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Diagnostics;

[Trait("Guarantee", "G25")]
public sealed class RedactionTests
{
    [Theory]
    [InlineData("/", "/")]
    [InlineData("/a=b", "/a=b")]
    [InlineData("/?code=", "/?code=")]
    [InlineData("/?code=1", "/?code=[redacted]")]
    [InlineData("/?code=1&code=2&a=3", "/?code=[redacted]&code=[redacted]&a=3")]
    [InlineData("/?a=1;token=2", "/?a=1;token=[redacted]")]
    [InlineData("/?CODE=1", "/?CODE=[redacted]")]
    [InlineData("/?%63ode=1", "/?%63ode=[redacted]")]
    [InlineData("/?+code=1", "/?+code=[redacted]")]
    [InlineData("/?password[]=1", "/?password[]=[redacted]")]
    [InlineData("/?a=b?access_token=1", "/?a=b?access_token=[redacted]")]
    [InlineData("/?encode=1&codes=2", "/?encode=1&codes=2")]
    [InlineData("/x#id_token=1", "/x#id_token=[redacted]")]
    [InlineData("https://a:b@c/", "https://[redacted]@c/")]
    [InlineData("/?x=a@b", "/?x=a@b")]
    [InlineData("/?%=%&=", "/?%=%&=")]
    public void What_is_secret_in_a_url_goes_and_the_rest_stays_byte_for_byte(string url, string clean) => Redaction.Url(url).Should().Be(clean);

    [Theory]
    [InlineData("Authorization", true)]
    [InlineData("AUTHORIZATION", true)]
    [InlineData("cookie", true)]
    [InlineData("Set_Cookie", true)]
    [InlineData("Proxy-Whatever", true)]
    [InlineData("duplexity-identity", true)]
    [InlineData("Accept", false)]
    [InlineData("X-Authorization-Hint", false)]
    public void Headers_are_secret_by_name(string name, bool isSecret) => Redaction.IsSecretHeader(name).Should().Be(isSecret);

    [Theory]
    [InlineData("""{"password":"a\"b","x":1}""", """{"password":"[redacted]","x":1}""")]
    [InlineData("""{"PASSWORD" : "a"}""", """{"PASSWORD" : "[redacted]"}""")]
    [InlineData("""{"id_token":"cut""", """{"id_token":"[redacted]" """)]
    [InlineData("""{"id_token":"cut\""", """{"id_token":"[redacted]" """)]
    [InlineData("""{"a":{"apiKey":"k"}}""", """{"a":{"apiKey":"[redacted]"}}""")]
    [InlineData("""{"code":"x","state":"open","passwords":"n"}""", """{"code":"x","state":"open","passwords":"n"}""")]
    [InlineData("no json", "no json")]
    public void Tokens_go_from_json_also_where_it_is_cut(string json, string clean) => Redaction.Json(json).Should().Be(clean.TrimEnd());

    [Fact]
    public void A_form_in_parts_loses_what_is_secret_also_where_it_is_cut() =>
        Redaction.Parts("--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\namy\r\n--x\r\nContent-Disposition: form-data; name=password\r\n\r\none\r\ntwo\r\n--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\nthr")
            .Should().Be("--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\namy\r\n--x\r\nContent-Disposition: form-data; name=password\r\n\r\n[redacted]\r\n--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n[redacted]");

    [Fact]
    [Trait("Guarantee", "G24")]
    public void Hostile_texts_cost_no_more_than_their_length()
    {
        // Each of these takes a backtracking expression minutes; a test that hangs here is one that failed.
        Redaction.Json(string.Concat(Enumerable.Repeat("\"password\":", 6_000))).Should().NotBeEmpty();
        Redaction.Json("\"password\":\"" + new string('\\', 64_000)).Should().Contain(Redaction.Mark);
        Redaction.Url(new string('a', 64_000) + "@" + new string('a', 64_000)).Should().NotContain(Redaction.Mark);
        Redaction.Url("?" + string.Concat(Enumerable.Repeat("code=1&", 9_000))).Should().NotContain("1");
        Redaction.Parts(string.Concat(Enumerable.Repeat("name=password\r\n\r\n", 4_000))).Should().NotBeEmpty();
    }
}
