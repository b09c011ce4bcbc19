using Duplexity.Protocol;
using Duplexity.Server.Tunnels;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Tunnels;

/// <summary>What each kind of pipe may ask for: a setting that would do nothing there is refused by its name.</summary>
[Trait("Requirement", "3.4")]
public sealed class PipeKindTests
{
    private const string Http = "http", Port = "port", Tls = "tls", Private = "private", Channel = "channel";

    private static readonly Dictionary<string, PipeRegistration> Kinds = new()
    {
        [Http] = new() { Name = "cat1", Resource = "http://localhost:1" },
        [Port] = new() { Name = ":7001", Resource = "tcp://localhost:1" },
        [Tls] = new() { Name = "cat1", Resource = "tls://localhost:1" },
        [Private] = new() { Name = "db", Resource = "http://localhost:1", Private = true },
        [Channel] = new() { Name = "cat1", Resource = "room:orders" },
    };

    /// <summary>Each member of a registration: how it is asked for, and where it does something.</summary>
    private static readonly Dictionary<string, (Func<PipeRegistration, PipeRegistration> Ask, string[] Where)> Fields = new()
    {
        ["name"] = (p => p, [Http, Port, Tls, Private, Channel]),
        ["resource"] = (p => p, [Http, Port, Tls, Private, Channel]),
        ["hostHeader"] = (p => p with { HostHeader = "resource" }, [Http]),
        ["visitors"] = (p => p.Private == true ? p with { Visitors = "signed-in" } : p with { Visitors = "public" }, [Http, Port, Tls, Private, Channel]),
        ["exchanges"] = (p => p with { Exchanges = true }, [Http, Port, Tls, Private, Channel]),
        ["share"] = (p => p with { Share = true }, [Http, Port, Tls, Private, Channel]),
        ["sticky"] = (p => p with { Share = true, Sticky = true }, [Http]),
        ["health"] = (p => p with { Share = true, Health = "/healthz" }, [Http]),
        ["private"] = (p => p, [Http, Port, Tls, Private, Channel]),
        ["offline"] = (p => p with { Offline = "queue" }, [Http, Channel]),
        ["routes"] = (p => p with { Routes = [new() { Path = "/a", Resource = "http://localhost:2" }] }, [Http]),
        ["requestHeaders"] = (p => p with { RequestHeaders = [new() { Name = "X-A", Value = "b" }] }, [Http]),
        ["responseHeaders"] = (p => p with { ResponseHeaders = [new() { Name = "X-A" }] }, [Http]),
        ["carriers"] = (p => p with { Carriers = "per-visitor" }, [Http]),
        ["inspect"] = (p => p with { Inspect = true }, [Http, Channel]),
        ["limits"] = (p => p with { Limits = new() { Concurrent = 1 } }, [Http, Port, Tls, Private, Channel]),
        ["headerTimeoutMs"] = (p => p with { HeaderTimeoutMs = 1 }, [Http]),
        ["idleTimeoutMs"] = (p => p with { IdleTimeoutMs = 1 }, [Http]),
        ["replyTimeoutMs"] = (p => p with { ReplyTimeoutMs = 1 }, [Channel]),
    };

    public static TheoryData<string, string> Table
    {
        get
        {
            var table = new TheoryData<string, string>();
            foreach (var (kind, member) in Kinds.Keys.SelectMany(k => Fields.Keys.Select(f => (k, f))))
            {
                table.Add(kind, member);
            }

            return table;
        }
    }

    [Theory]
    [MemberData(nameof(Table))]
    public void A_setting_is_taken_where_it_does_something_and_refused_by_name_where_it_does_not(string kind, string field)
    {
        var (ask, where) = Fields[field];

        var problem = PipeSettings.Problem(ask(Kinds[kind]));

        if (where.Contains(kind))
        {
            problem.Should().BeNull();
        }
        else
        {
            problem!.Code.Should().Be(Errors.InvalidPipe.Code);
            problem.Sentence.Should().Contain($" {field} ").And.EndWith("leave it out.");
        }
    }

    [Fact]
    public void The_table_has_every_member_of_a_registration() =>
        typeof(PipeRegistration).GetProperties().Where(p => p.Name != "EqualityContract").Select(p => char.ToLowerInvariant(p.Name[0]) + p.Name[1..]).Should().BeEquivalentTo(Fields.Keys);

    [Fact]
    public void All_that_would_do_nothing_is_named_at_once()
    {
        var problem = PipeSettings.Problem(Kinds[Port] with { HostHeader = "resource", Carriers = "shared", IdleTimeoutMs = 5 });

        problem!.Sentence.Should().Be("A TCP port passes bytes on unread, so hostHeader, carriers, idleTimeoutMs would do nothing there: leave them out.");
    }

    [Theory]
    [InlineData(Port)]
    [InlineData(Tls)]
    [InlineData(Private)]
    public void What_is_said_and_is_so_by_itself_is_taken(string kind) => PipeSettings.Problem(Kinds[kind] with
    {
        HostHeader = "keep",
        Sticky = false,
        Offline = "refuse",
        Routes = [],
        RequestHeaders = [],
        ResponseHeaders = [],
        Inspect = false,
    }).Should().BeNull();
}
