using FluentAssertions;
using Xunit;

namespace Duplexity.Testing;

public abstract partial class EngineSpecification
{
    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task What_is_told_is_done_on_every_node_when_the_teller_is_answered_and_the_teller_gets_the_sum()
    {
        await using var engine = await CreateAsync();
        var handlers = ListenAll(engine);

        var told = await engine.Nodes[^1].SystemLog.TellAsync("revoked", "amy", null);

        told.Should().Be(new Duplexity.Server.Engine.Told(Enumerable.Range(1, engine.Nodes.Count).Sum(), 0));
        handlers.Should().AllSatisfy(h =>
        {
            h.Told.Should().Equal(("revoked", "amy"));
            h.Missed.Should().Be(0);
        });
    }

    [Fact]
    [Trait("Guarantee", "G8")]
    public async Task What_many_tell_at_once_is_heard_once_each_and_in_one_order_everywhere()
    {
        await using var engine = await CreateAsync();
        var handlers = ListenAll(engine);

        var told = await Task.WhenAll(Enumerable.Range(0, 250).Select(i => Task.Run(async () => await engine.Nodes[i % engine.Nodes.Count].SystemLog.TellAsync("number", $"{i}", null))));

        told.Should().OnlyContain(t => t.Pending == 0);
        handlers[0].Told.Select(t => int.Parse(t.Text, System.Globalization.CultureInfo.InvariantCulture)).Order().Should().Equal(Enumerable.Range(0, 250));
        handlers[^1].Told.Should().Equal(handlers[0].Told);
    }

    private static RecordingSystemHandler[] ListenAll(EngineUnderTest engine) =>
    [
        .. engine.Nodes.Select((node, i) =>
        {
            var handler = new RecordingSystemHandler(hits: i + 1);
            node.SystemLog.Attach(handler);
            return handler;
        }),
    ];
}
