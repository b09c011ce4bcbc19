using System.Text;
using Duplexity.Server.Cluster;
using FluentAssertions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Duplexity.Server.Tests.Cluster;

[Trait("Guarantee", "G18")]
public sealed class NodeSignatureTests
{
    private const string Key = "a key of the tests, long enough for a cluster";

    private static readonly byte[] Body = Encoding.UTF8.GetBytes("""{"a":1}""");

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Fact]
    public void What_a_node_of_the_cluster_signed_for_this_one_is_taken_once()
    {
        var (a, b) = (Of("a"), Of("b"));
        var request = a.Signature.Sign("POST", "/carry", Body, b.Info);

        b.Signature.Problem(request, Body).Should().BeNull();
        b.Signature.Problem(request, Body).Should().Be("it came before");
    }

    [Theory]
    [InlineData("method")]
    [InlineData("target")]
    [InlineData("context")]
    [InlineData("from")]
    [InlineData("time")]
    [InlineData("nonce")]
    [InlineData("body")]
    [InlineData("key")]
    public void What_was_altered_is_refused(string what)
    {
        var (a, b) = (Of("a", what == "key" ? "another key, which is long enough as well" : Key), Of("b"));
        var request = a.Signature.Sign("POST", "/carry", Body, b.Info);
        var altered = what switch
        {
            "method" => request with { Method = "GET" },
            "target" => request with { Target = "/register" },
            "context" => request with { Context = "x" },
            "from" => request with { From = "c.1" },
            "time" => request with { At = (long.Parse(request.At, System.Globalization.CultureInfo.InvariantCulture) + 1).ToString(System.Globalization.CultureInfo.InvariantCulture) },
            "nonce" => request with { Nonce = "AAAAAAAAAAAAAAAAAAAAAA" },
            _ => request,
        };

        b.Signature.Problem(altered, what == "body" ? [.. Body, 32] : Body).Should().Be("it is not signed with this cluster's key");
    }

    [Fact]
    public void What_was_signed_for_another_node_or_for_an_earlier_life_of_this_one_is_refused()
    {
        var (a, b, c) = (Of("a"), Of("b"), Of("c"));
        var again = Of("b");

        c.Signature.Problem(a.Signature.Sign("POST", "/carry", Body, b.Info), Body).Should().Be("it is for another node, or for an earlier life of this one");
        again.Signature.Problem(a.Signature.Sign("POST", "/carry", Body, b.Info), Body).Should().Be("it is for another node, or for an earlier life of this one");
    }

    [Theory]
    [InlineData(31)]
    [InlineData(-31)]
    public void What_is_too_old_or_of_the_future_is_refused(int seconds)
    {
        var (a, b) = (Of("a"), Of("b"));
        var clock = new FakeTimeProvider(_time.GetUtcNow() + TimeSpan.FromSeconds(seconds));
        var late = new NodeSignature(b.Node, Settings(Key), clock);

        late.Problem(a.Signature.Sign("POST", "/carry", Body, b.Info), Body).Should().Contain("30 s ago");
    }

    [Fact]
    public void A_nonce_is_remembered_for_as_long_as_its_request_would_be_taken_and_then_let_go_of()
    {
        var (a, b) = (Of("a"), Of("b"));
        var early = a.Signature.Sign("POST", "/carry", Body, b.Info);
        b.Signature.Problem(early, Body).Should().BeNull();
        _time.Advance(TimeSpan.FromSeconds(29));
        b.Signature.Problem(a.Signature.Sign("POST", "/carry", Body, b.Info), Body).Should().BeNull();

        b.Signature.Problem(early, Body).Should().Be("it came before");
    }

    [Fact]
    public void The_former_key_is_taken_while_nodes_change_and_never_signed_with()
    {
        const string next = "the next key, which is long enough too, or so";
        var a = Of("a");
        var node = new Node(Options.Create(new DuplexityOptions()));
        var changed = new NodeSignature(node, Settings(next, former: Key), _time);
        var info = InfoOf(node);

        changed.Problem(a.Signature.Sign("POST", "/carry", Body, info), Body).Should().BeNull();
        a.Signature.Problem(changed.Sign("POST", "/carry", Body, a.Info), Body).Should().Be("it is not signed with this cluster's key");
    }

    [Fact]
    public void An_answer_is_good_for_its_very_question()
    {
        var (a, b) = (Of("a"), Of("b"));
        var (one, two) = (a.Signature.Sign("POST", "/carry", Body, b.Info), a.Signature.Sign("POST", "/carry", Body, b.Info));
        var signed = b.Signature.SignAnswer(one, 200, Body);

        a.Signature.IsAnswer(one, 200, Body, signed).Should().BeTrue();
        a.Signature.IsAnswer(two, 200, Body, signed).Should().BeFalse();
        a.Signature.IsAnswer(one, 503, Body, signed).Should().BeFalse();
        a.Signature.IsAnswer(one, 200, [], signed).Should().BeFalse();
        a.Signature.IsAnswer(one, 200, Body, null).Should().BeFalse();
    }

    [Theory]
    [InlineData(0, null)]
    [InlineData(31, "30 s ago")]
    public void What_a_front_signed_is_known_as_a_fronts_and_not_for_longer_than_a_nodes(int seconds, string? problem)
    {
        const string frontKey = "the key of fronts, which is long enough";
        var settings = new DuplexityOptions { Roles = "front" };
        settings.Front.Key = frontKey;
        var front = new NodeSignature(new Node(Options.Create(settings)), Options.Create(settings), _time);
        var node = new DuplexityOptions();
        (node.Cluster.Key, node.Cluster.FrontKey) = (Key, frontKey);
        var b = new Node(Options.Create(node));
        var signed = front.Sign("POST", "/carry", Body, InfoOf(b));
        _time.Advance(TimeSpan.FromSeconds(seconds));
        var asked = new NodeSignature(b, Options.Create(node), _time);

        var found = asked.Problem(signed, Body, out var by);

        (found?.Contains(problem ?? "nothing", StringComparison.Ordinal)).Should().Be(problem is null ? null : true);
        by.IsFront.Should().BeTrue();
        front.IsAnswer(signed, 200, Body, asked.SignAnswer(signed, 200, Body, by)).Should().BeTrue();
        front.IsAnswer(signed, 200, Body, asked.SignAnswer(signed, 200, Body)).Should().BeFalse("it has no key of the nodes");
        Of("c").Signature.Problem(signed, Body).Should().Be("it is not signed with this cluster's key", "where no front is known, none is answered");
    }

    [Fact]
    public void Who_asks_with_the_former_key_is_answered_with_it()
    {
        const string next = "the next key, which is long enough too, or so";
        var a = Of("a");
        var node = new Node(Options.Create(new DuplexityOptions()));
        var changed = new NodeSignature(node, Settings(next, former: Key), _time);
        var asked = a.Signature.Sign("POST", "/carry", Body, InfoOf(node));

        changed.Problem(asked, Body, out var by).Should().BeNull();

        a.Signature.IsAnswer(asked, 200, Body, changed.SignAnswer(asked, 200, Body, by)).Should().BeTrue();
    }

    private static IOptions<DuplexityOptions> Settings(string key, string? former = null)
    {
        var options = new DuplexityOptions();
        (options.Cluster.Key, options.Cluster.FormerKey) = (key, former);
        return Options.Create(options);
    }

    private static NodeInfo InfoOf(Node node) => new() { Name = node.Name, Life = node.Life, Version = "1", Since = DateTimeOffset.UnixEpoch };

    private (NodeSignature Signature, NodeInfo Info, Node Node) Of(string name, string key = Key)
    {
        var settings = Settings(key);
        settings.Value.Node.Name = name;
        var node = new Node(settings);
        return (new NodeSignature(node, settings, _time), InfoOf(node), node);
    }
}
