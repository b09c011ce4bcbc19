using Duplexity.Protocol;
using Duplexity.Testing;
using FluentAssertions;
using FluentAssertions.Execution;
using Xunit;

namespace Duplexity.Server.Tests.Protocol.Outbound;

/// <summary>
/// What leaves the node (1.23): every frame to every socket of a rich scenario is compared with a list of what may be sent, <c>allowed.txt</c>, and with who may know which word. The list is read by
/// people: a new event, answer or member does not leave before it is on it.
/// </summary>
[Trait("Requirement", "1.23")]
public sealed class OutboundTests
{
    private static readonly Dictionary<string, string[]> Allowed = ReadAllowed();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Guarantee", "G10")]
    public async Task Nothing_leaves_that_is_not_on_the_list_and_nobody_is_told_what_only_others_may_know(bool json)
    {
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Environment = "Production";
            s.Options = o => (o.Times.Presence, o.Times.SessionGrace, o.Times.Vacated) = (TimeSpan.FromMilliseconds(20), TimeSpan.Zero, TimeSpan.Zero);
            s.Builder = builder => builder
                .AddGate(Step.Entry, "room:safe", c => new(c.Answer?.Value == "sesame-key" ? GateResult.Pass : GateResult.Hold(ChallengeKind.Key, "Which key?")), "safe")
                .AddGate(Step.Entry, "room:broken", _ => throw new InvalidOperationException("internal-detail at /srv/internal-path"), "broken");
        });
        node.Logs.Expect(_ => true);
        await using var rig = new OutboundRig(node, json);
        var scenario = new OutboundScenario(node, rig);
        await scenario.RunAsync();

        var frames = rig.Frames;
        using var all = new AssertionScope();
        var notListed = frames.GroupBy(f => $"{f.Hub} {f.Frame.What}", f => f.Frame.Fields)
            .Select(g => (What: g.Key, Fields: g.SelectMany(fields => fields).Except(Allowed.GetValueOrDefault(g.Key, [])).Distinct().Order().ToArray()))
            .Where(g => g.Fields.Length > 0).Select(g => $"{g.What}: {string.Join("; ", g.Fields)}").Order();
        string.Join('\n', notListed).Should().BeEmpty("all of this left, and is not on the list");
        scenario.Expected.Except(frames.Select(f => f.Frame.What)).Should().BeEmpty("the scenario is to make the node say all of this");
        foreach (var (word, knowing) in scenario.Secrets)
        {
            frames.Where(f => !knowing.Contains(f.Socket) && f.Frame.Text.Contains(word, StringComparison.OrdinalIgnoreCase)).Select(f => $"{f.Socket}: {f.Frame.Text}")
                .Should().BeEmpty($"only {string.Join(", ", knowing)} may know \"{word}\"");
        }

        foreach (var word in (string[])[.. rig.Tokens, "internal-", "InvalidOperationException", "   at ", "Duplexity.Server", "service:ingress", "service:egress"])
        {
            frames.Where(f => f.Frame.Text.Contains(word, StringComparison.Ordinal)).Select(f => $"{f.Socket}: {f.Frame.Text}").Should().BeEmpty($"\"{word}\" stays inside");
        }
    }

    private static Dictionary<string, string[]> ReadAllowed()
    {
        using var stream = typeof(OutboundTests).Assembly.GetManifestResourceStream("allowed.txt")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] != '#')
            .Select(line => line.Split(": ", 2)).ToDictionary(line => line[0], line => line[1].Split("; "));
    }
}
