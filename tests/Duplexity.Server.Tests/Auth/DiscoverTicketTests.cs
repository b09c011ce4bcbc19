using Duplexity.Protocol;
using Duplexity.Server.Auth;
using Duplexity.Server.Sockets;
using FluentAssertions;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Auth;

[Trait("Guarantee", "G14")]
[Trait("Requirement", "2.28")]
public sealed class DiscoverTicketTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2031, 5, 4, 12, 0, 0, TimeSpan.Zero));
    private readonly EphemeralDataProtectionProvider _keys = new();
    private readonly VaultOnly _engine = new();
    private readonly Sessions _sessions;
    private readonly DiscoverTickets _tickets;

    public DiscoverTicketTests()
    {
        _sessions = new(_time, Options.Create(new DuplexityOptions()));
        _tickets = TicketsOf("n1", _keys);
        Discover("amy", "s1", 7);
        Discover("amy", "s2", 7);
        Discover("ben", "s1", 7);
    }

    /// <summary>What may be wrong with a ticket; "nothing" is the one that is good.</summary>
    public static TheoryData<string> Wrong => new(Shown.Keys);

    private static Dictionary<string, Func<DiscoverTicketTests, Task<bool>>> Shown { get; } = new()
    {
        ["other CID"] = t => t.RedeemAsync(t.Ticket(), "ben", "s1"),
        ["other session"] = t => t.RedeemAsync(t.Ticket(), "amy", "s2"),
        ["session that is not there"] = t => t.RedeemAsync(t._tickets.Issue("amy", "s9", 7), "amy", "s9"),
        ["other purpose"] = t => t.RedeemAsync(t._keys.CreateProtector("Duplexity.Ticket.Drain.v1").Protect("{}"), "amy", "s1"),
        ["other purpose, same content"] = t => t.RedeemAsync(t.OfOtherPurpose(), "amy", "s1"),
        ["other key ring"] = t => t.RedeemAsync(t.TicketsOf("n1", new EphemeralDataProtectionProvider()).Issue("amy", "s1", 7), "amy", "s1"),
        ["other node"] = t => t.RedeemAsync(t.TicketsOf("n2", t._keys).Issue("amy", "s1", 7), "amy", "s1"),
        ["older generation"] = t => t.RedeemAsync(t._tickets.Issue("amy", "s1", 6), "amy", "s1"),
        ["expired"] = t => t.RedeemAfterAsync(TimeSpan.FromSeconds(30)),
        ["used"] = t => t.RedeemTwiceAsync(),
        ["altered"] = t => t.RedeemAsync(Altered(t.Ticket()), "amy", "s1"),
        ["cut off"] = t => t.RedeemAsync(t.Ticket()[..^4], "amy", "s1"),
        ["not base64"] = t => t.RedeemAsync("!!!", "amy", "s1"),
        ["empty"] = t => t.RedeemAsync("", "amy", "s1"),
        ["none"] = t => t.RedeemAsync(null, "amy", "s1"),
        ["vault away"] = t => t.RedeemWithoutVaultAsync(),
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task A_ticket_that_is_not_exactly_for_this_is_refused_like_any_other(string what) => (await Shown[what](this)).Should().BeFalse();

    [Fact]
    public async Task A_ticket_is_good_once_within_thirty_seconds_for_its_client_and_session()
    {
        (await RedeemAfterAsync(TimeSpan.FromSeconds(29))).Should().BeTrue();
    }

    [Fact]
    public async Task A_ticket_shown_by_somebody_else_stays_good_for_whom_it_was_given()
    {
        var ticket = Ticket();
        (await RedeemAsync(ticket, "ben", "s1")).Should().BeFalse();
        (await RedeemAsync(ticket, "amy", "s1")).Should().BeTrue();
    }

    [Fact]
    public async Task Of_a_hundred_who_show_one_ticket_at_once_one_gets_in()
    {
        var ticket = Ticket();
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Task.Run(() => RedeemAsync(ticket, "amy", "s1"))));
        answers.Count(isGood => isGood).Should().Be(1);
    }

    [Fact]
    public void A_ticket_tells_nothing_of_what_is_in_it()
    {
        var ticket = Ticket();
        ticket.Should().NotBe(Ticket());
        System.Text.Encoding.Latin1.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(ticket)).Should().NotContain("amy");
    }

    private static string Altered(string ticket) => ticket[..40] + (ticket[40] == 'A' ? 'B' : 'A') + ticket[41..];

    private DiscoverTickets TicketsOf(string node, IDataProtectionProvider keys) => new(
        keys, _engine, _sessions, new Node(Options.Create(new DuplexityOptions { Node = { Name = node } })), Options.Create(new DuplexityOptions()), _time, NullLogger<DiscoverTickets>.Instance);

    private string Ticket() => _tickets.Issue("amy", "s1", 7);

    private string OfOtherPurpose()
    {
        var content = _keys.CreateProtector("Duplexity.Ticket.Discover.v1").Unprotect(System.Buffers.Text.Base64Url.DecodeFromChars(Ticket()));
        return System.Buffers.Text.Base64Url.EncodeToString(_keys.CreateProtector("Duplexity.Ticket.Drain.v1").Protect(content));
    }

    private async Task<bool> RedeemAsync(string? ticket, string client, string session) => await _tickets.RedeemAsync(ticket, client, session, CancellationToken.None) is not null;

    private async Task<bool> RedeemAfterAsync(TimeSpan wait)
    {
        var ticket = Ticket();
        _time.Advance(wait);
        return await RedeemAsync(ticket, "amy", "s1");
    }

    private async Task<bool> RedeemTwiceAsync()
    {
        var ticket = Ticket();
        await RedeemAsync(ticket, "amy", "s1");
        return await RedeemAsync(ticket, "amy", "s1");
    }

    private async Task<bool> RedeemWithoutVaultAsync()
    {
        _engine.IsAway = true;
        return await RedeemAsync(Ticket(), "amy", "s1");
    }

    private void Discover(string client, string session, long generation) =>
        _sessions.Establish(client, session, new ControlLink($"{client}-{session}", generation, new Uri("http://localhost:5080/"), Nobody.Instance, (_, _) => Task.CompletedTask));

    /// <summary>A client's end that nobody is at.</summary>
    public class Nobody : System.Reflection.DispatchProxy
    {
        public static IControlClient Instance { get; } = Create<IControlClient, Nobody>();

        protected override object? Invoke(System.Reflection.MethodInfo? targetMethod, object?[]? args) => Task.CompletedTask;
    }
}
