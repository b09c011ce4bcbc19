using Duplexity.Server.Engine;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Engine;

/// <summary>How nodes divide what one of them does for all.</summary>
[Trait("Guarantee", "G16")]
public sealed class LiveNodesTests
{
    private static readonly string[] Work = [.. Enumerable.Range(0, 1_000).Select(i => $"client{i}")];

    [Fact]
    public void Everything_is_one_nodes_and_each_has_about_as_much_as_the_others()
    {
        LiveNodes[] nodes = [Node("a", "a", "b", "c"), Node("b", "c", "b", "a"), Node("c", "b", "a", "c")];

        Work.Should().OnlyContain(w => nodes.Count(n => n.IsOwn(w)) == 1);
        nodes.Should().OnlyContain(n => Work.Count(n.IsOwn) > 200);
    }

    [Fact]
    public void Where_a_node_goes_its_part_alone_changes_hands()
    {
        var (a, before) = (Node("a", "a", "b", "c"), Node("a", "a", "b"));

        Work.Where(a.IsOwn).Should().OnlyContain(w => before.IsOwn(w));
        Work.Where(before.IsOwn).Except(Work.Where(a.IsOwn)).Should().OnlyContain(w => Node("c", "a", "b", "c").IsOwn(w));
    }

    [Fact]
    public void A_change_is_told_and_what_stays_the_same_is_not_and_a_node_that_is_not_among_the_living_has_nothing()
    {
        var (node, told) = (new LiveNodes(), 0);
        node.Changed += () => told++;

        node.IsOwn("client").Should().BeFalse("it was not heard yet");
        node.Set("a", ["a", "b"]);
        node.Set("a", ["b", "a"]);
        told.Should().Be(1);
        node.Set("a", ["b"]);
        told.Should().Be(2);
        Work.Should().OnlyContain(w => !node.IsOwn(w));
        node.Set("c", ["b"]);
        told.Should().Be(3);
    }

    private static LiveNodes Node(string self, params string[] all)
    {
        var node = new LiveNodes();
        node.Set(self, all);
        return node;
    }
}
