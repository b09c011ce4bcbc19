using System.Net;
using System.Runtime.CompilerServices;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

/// <summary>What somebody who has shown nothing of himself can make a node keep while it waits for him.</summary>
public sealed class LeavingTests
{
    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Browsers_that_leave_for_the_provider_and_do_not_come_back_are_bounded_per_address_until_their_time_is_over()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s =>
        {
            s.Time = time;
            s.Options = o => o.Limits.SignInsPerAddress = 1;
            s.Settings["Duplexity:TrustedProxies:0"] = "127.0.0.1";
        });
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = node.Address };
        var page = $"auth/authorize?response_type=code&redirect_uri={Uri.EscapeDataString(node.Address + "page")}&code_challenge={new string('c', 43)}&code_challenge_method=S256";

        async Task<HttpStatusCode> LeaveAsync(string from = "203.0.113.7", string more = "")
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, page + more) { Headers = { { "X-Forwarded-For", from } } };
            using var response = await http.SendAsync(request);
            return response.StatusCode;
        }

        for (var i = 0; i < 20; i++)
        {
            (await LeaveAsync()).Should().Be(HttpStatusCode.Redirect);
        }

        (await LeaveAsync()).Should().Be(HttpStatusCode.TooManyRequests);
        (await LeaveAsync("203.0.113.8")).Should().Be(HttpStatusCode.Redirect, "somebody else is not concerned");
        (await LeaveAsync("203.0.113.8", $"&state={new string('s', 1025)}")).Should().Be(HttpStatusCode.BadRequest);
        time.Advance(TimeSpan.FromMinutes(11));
        (await LeaveAsync()).Should().Be(HttpStatusCode.Redirect);
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task Of_IPv6_a_whole_network_counts_as_one_address()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var node = await SignInRig.StartAsync(provider, s =>
        {
            s.Options = o => o.Limits.SignInsPerAddress = 1;
            s.Settings["Duplexity:TrustedProxies:0"] = "127.0.0.1";
        });

        var programs = new List<WaitingProgram>(); // whose connections stay
        async Task<HttpStatusCode?> StartAsync(string from)
        {
            using var http = new HttpClient { BaseAddress = node.Address };
            http.DefaultRequestHeaders.Add("X-Forwarded-For", from);
            try
            {
                // It waits until the node goes.
                programs.Add(await WaitingProgram.StartAsync(http));
                return HttpStatusCode.OK;
            }
            catch (HttpRequestException e)
            {
                return e.StatusCode;
            }
        }

        (await StartAsync("2001:db8::1")).Should().Be(HttpStatusCode.OK);
        (await StartAsync("2001:db8::2")).Should().Be(HttpStatusCode.TooManyRequests);
        (await StartAsync("2001:db8:0:1::1")).Should().Be(HttpStatusCode.OK);
        foreach (var program in programs)
        {
            await program.DisposeAsync();
        }
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public async Task A_vault_does_not_keep_what_was_taken()
    {
        var vault = new MemoryVault(new MonotonicClock(new FakeTimeProvider()));
        var first = await AddAndTakeAsync(vault, "first");

        for (var i = 0; i < 2_000; i++)
        {
            await AddAndTakeAsync(vault, $"{i}");
        }

        GC.Collect();
        first.IsAlive.Should().BeFalse();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task<WeakReference> AddAndTakeAsync(MemoryVault vault, string key)
    {
        var value = new string('x', 10);
        await vault.TryAddAsync(key, value, TimeSpan.FromMinutes(10));
        await vault.TakeAsync(key);
        return new WeakReference(value);
    }
}
