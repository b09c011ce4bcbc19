using System.Net;
using System.Security.Cryptography;
using System.Text;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

[Trait("Guarantee", "G19")]
[Trait("Requirement", "2.4")]
public sealed class TokenTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2031, 5, 4, 12, 0, 0, TimeSpan.Zero);
    private static readonly RSA Rsa = RSA.Create(2048);
    private static readonly ECDsa Ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private readonly FakeTimeProvider _time = new(Now);
    private AuthNode _node = null!;

    /// <summary>Tokens that must not open anything, by what is wrong with them.</summary>
    public static TheoryData<string> Bad => new(Tampered.Keys);

    private static Dictionary<string, Func<string>> Tampered { get; } = new()
    {
        ["issuer unknown"] = () => Good().With("iss", "https://elsewhere.test").Hmac(),
        ["issuer missing"] = () => Good().Without("iss").Hmac(),
        ["issuer in other case"] = () => Good().With("iss", "https://APP.test").Hmac(),
        ["issuer is another one's than the key's"] = () => Good().With("iss", "https://rsa.test").Hmac(),
        ["issuer is the service itself"] = () => Good().With("iss", "http://localhost:5080").Hmac(),
        ["issuer is the development identity"] = () => Good().With("iss", "duplexity-development").Hmac(),
        ["audience of another service"] = () => Good().With("aud", "billing").Hmac(),
        ["audience missing"] = () => Good().Without("aud").Hmac(),
        ["signed with another secret"] = () => Good().Hmac("a stranger's secret of thirty-two bytes"),
        ["signature cut off"] = () => Good().Hmac()[..^8],
        ["signature empty"] = () => Good().Hmac().Split('.') is var p ? $"{p[0]}.{p[1]}." : "",
        ["payload exchanged"] = () => (Good().Hmac().Split('.'), Good().With("sub", "ben").Hmac().Split('.')) is var (a, b) ? $"{a[0]}.{b[1]}.{a[2]}" : "",
        ["alg none"] = () => Good().WithHeader("alg", "none").Unsigned(),
        ["alg None"] = () => Good().WithHeader("alg", "None").Unsigned(),
        ["alg missing"] = () => Good().WithoutHeader("alg").Hmac(),
        ["alg HS512, which is not on the list"] = () =>
            Good().WithHeader("alg", "HS512").Sign(data => HMACSHA512.HashData(Encoding.UTF8.GetBytes(AuthNode.AppSecret), data)),
        ["an RSA public key used as a secret"] = () => Good().With("iss", "https://rsa.test").Hmac(Rsa.ExportSubjectPublicKeyInfoPem()),
        ["an RSA public key's bytes used as a secret"] = () =>
            Good().With("iss", "https://rsa.test").Sign(data => HMACSHA256.HashData(Rsa.ExportSubjectPublicKeyInfo(), data)),
        ["RS256 for an issuer with a secret"] = () => Good().Rsa(Rsa),
        ["ES256 in the name of the RSA issuer"] = () => Good().With("iss", "https://rsa.test").Ec(Ec),
        ["key in its own header"] = () => Good().WithHeader("jwk", new { kty = "oct", k = "c3RyYW5nZXI" }).Hmac("a stranger's secret of thirty-two bytes"),
        ["critical extension"] = () => Good().WithHeader("crit", new[] { "exp" }).Hmac(),
        ["expired 31 s ago"] = () => Good().With("exp", Now.AddSeconds(-31).ToUnixTimeSeconds()).Hmac(),
        ["expiry missing"] = () => Good().Without("exp").Hmac(),
        ["good in 31 s"] = () => Good().With("nbf", Now.AddSeconds(31).ToUnixTimeSeconds()).Hmac(),
        ["ID token with a nonce"] = () => Good().With("nonce", "n-0S6_WzA2Mj").Hmac(),
        ["ID token with at_hash"] = () => Good().With("at_hash", "77QmUPtjPfzWtF2AnpK9RQ").Hmac(),
        ["typ of something else"] = () => Good().WithHeader("typ", "logout+jwt").Hmac(),
        ["subject missing"] = () => Good().Without("sub").Hmac(),
        ["subject empty"] = () => Good().With("sub", "").Hmac(),
        ["subject twice"] = () => Good().With("sub", new[] { "amy", "ben" }).Hmac(),
        ["subject an object"] = () => Good().With("sub", new { name = "amy" }).Hmac(),
        ["subject with a space"] = () => Good().With("sub", "amy ben").Hmac(),
        ["subject with a colon"] = () => Good().With("sub", "room:amy").Hmac(),
        ["subject turns the writing"] = () => Good().With("sub", "amy\u202Eneb").Hmac(),
        ["subject of 129 characters"] = () => Good().With("sub", new string('a', 129)).Hmac(),
        ["a person as a service principal"] = () => Good().With("sub", "service:backup").Hmac(),
        ["encrypted"] = () => Good().Hmac() + ".a.b",
        ["no token"] = () => "amy",
        ["not JSON"] = () => "YQ.YQ.YQ",
        ["17 KB"] = () => Good().With("x", new string('x', 17 * 1024)).Hmac(),
    };

    public async Task InitializeAsync() => _node = await AuthNode.StartWithAppKeyAsync(_time, options =>
    {
        options.Auth.Keys["app"].Prefix = "app-";
        options.Auth.Keys["rsa"] = new() { Issuer = "https://rsa.test", Pem = Rsa.ExportSubjectPublicKeyInfoPem(), Prefix = "rsa-" };
        options.Auth.Keys["ec"] = new() { Issuer = "https://ec.test", Pem = Ec.ExportSubjectPublicKeyInfoPem(), Prefix = "ec-" };
    });

    public async Task DisposeAsync() => await _node.DisposeAsync();

    [Theory]
    [MemberData(nameof(Bad))]
    public async Task A_token_that_is_not_whole_opens_nothing_and_is_not_told_why(string what)
    {
        using var response = await _node.SendAsync(HttpMethod.Get, "/data", Tampered[what]());

        response.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        response.Headers.WwwAuthenticate.ToString().Should().Be("Bearer");
        (await response.Content.ReadAsStringAsync()).Should().BeEmpty();
    }

    [Fact]
    public async Task Issuers_with_a_secret_an_RSA_key_and_an_EC_key_are_good_side_by_side()
    {
        (await Who(Good().Hmac())).Should().Be("app-amy");
        (await Who(Good().With("iss", "https://rsa.test").Rsa(Rsa))).Should().Be("rsa-amy");
        (await Who(Good().With("iss", "https://rsa.test").Rsa(Rsa, "PS256"))).Should().Be("rsa-amy");
        (await Who(Good().With("iss", "https://ec.test").Ec(Ec))).Should().Be("ec-amy");
        (await Who(_node.Tokens.Create("app-amy", TimeSpan.FromMinutes(10)))).Should().Be("app-amy", "the service's own tokens name clients as they are");
    }

    [Fact]
    public async Task Access_token_types_and_no_type_at_all_are_good()
    {
        (await Who(Good().WithHeader("typ", "at+jwt").Hmac())).Should().Be("app-amy");
        (await Who(Good().WithHeader("typ", "jwt").Hmac())).Should().Be("app-amy");
        (await Who(Good().WithoutHeader("typ").Hmac())).Should().Be("app-amy");
        (await Who(Good().With("aud", new[] { "billing", "duplexity" }).Hmac())).Should().Be("app-amy");
    }

    [Fact]
    public async Task Clocks_may_differ_by_thirty_seconds_and_not_more()
    {
        var early = Good().With("nbf", Now.AddSeconds(29).ToUnixTimeSeconds()).Hmac();
        var late = Good().With("exp", Now.AddSeconds(-29).ToUnixTimeSeconds()).Hmac();
        (await Who(early)).Should().Be("app-amy");
        (await Who(late)).Should().Be("app-amy");

        _time.Advance(TimeSpan.FromSeconds(1));
        (await Who(late)).Should().BeNull();
    }

    [Fact]
    public async Task The_services_own_tokens_end_on_time()
    {
        var token = _node.Tokens.Create("amy", TimeSpan.FromMinutes(10));
        _time.Advance(TimeSpan.FromMinutes(10) - TimeSpan.FromSeconds(1));
        (await Who(token)).Should().Be("amy");

        _time.Advance(TimeSpan.FromSeconds(1));
        (await Who(token)).Should().BeNull();
    }

    [Fact]
    public async Task Two_spellings_of_a_name_in_Unicode_are_one_client_and_two_letters_that_look_alike_are_two()
    {
        (await Who(Good().With("sub", "Zoe\u0308").Hmac())).Should().Be("app-Zo\u00EB");
        (await Who(Good().With("sub", "\u0430my").Hmac())).Should().Be("app-\u0430my").And.NotBe("app-amy");
        (await Who(Good().With("sub", "AMY").Hmac())).Should().Be("app-AMY");
    }

    [Fact]
    public async Task A_query_token_is_good_at_the_hubs_and_nowhere_else()
    {
        var token = Good().Hmac();
        (await _node.GetAsync($"/data?access_token={token}", null)).Status.Should().Be(HttpStatusCode.OK);
        (await _node.GetAsync($"/control?access_token={token}", null)).Status.Should().Be(HttpStatusCode.OK);
        (await _node.GetAsync($"/data/carry?access_token={token}", null)).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await _node.GetAsync($"/auth?access_token={token}", null)).Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    public async Task A_cookie_and_another_scheme_prove_nothing()
    {
        var token = Good().Hmac();
        (await _node.GetAsync("/data", null, request => request.Headers.Add("Cookie", $"access_token={token}"))).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await _node.GetAsync("/data", null, request => request.Headers.Add("Authorization", $"Basic {token}"))).Status.Should().Be(HttpStatusCode.Unauthorized);
        (await _node.GetAsync("/data", null)).Status.Should().Be(HttpStatusCode.Unauthorized);
    }

    [Fact]
    [Trait("Requirement", "2.5")]
    public async Task Who_am_I_says_the_client_and_when_the_token_ends()
    {
        using var response = await _node.SendAsync(HttpMethod.Get, "/auth", _node.Tokens.Create("amy", TimeSpan.FromMinutes(10)));

        response.Headers.CacheControl!.NoStore.Should().BeTrue();
        (await response.Content.ReadAsStringAsync()).Should().Be(
            $$$"""{"client":"amy","expiresAt":{{{Now.AddMinutes(10).ToUnixTimeMilliseconds()}}},"issuer":"http://localhost:5080","clients":["amy"],"allowances":{"send":["*"],"receive":["*"],"join":["*"],"publish":[],"administer":[]}}""");
        (await _node.GetAsync("/auth", null)).Should().Be((HttpStatusCode.Unauthorized, ""));
        (await _node.SendAsync(HttpMethod.Delete, "/auth", _node.Tokens.Create("amy", TimeSpan.FromMinutes(10)))).StatusCode.Should().Be(HttpStatusCode.MethodNotAllowed);
    }

    private static HandmadeToken Good() => new(Now);

    private async Task<string?> Who(string token) => await _node.GetAsync("/data", token) is { Status: HttpStatusCode.OK, Body: var client } ? client : null;
}
