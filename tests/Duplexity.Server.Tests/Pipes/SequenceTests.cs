using CsCheck;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace Duplexity.Server.Tests.Pipes;

/// <summary>A socket that sends on without waiting, over a log that now and then cannot: what it sends is stored once and in its order, whatever of it has to be sent again.</summary>
public sealed class SequenceTests
{
    private static readonly Gen<(int Messages, string[] Fates, bool[] GivesUp)> Histories = Gen.Select(
        Gen.Int[1, 20],
        Gen.OneOf("store", "store", "store", "gate", "fail", "lose", "store and be silent").Array[1, 60],
        Gen.Frequency((1, Gen.Const(true)), (6, Gen.Const(false))).Array[20]);

    [Fact]
    [Trait("Guarantee", "G3")]
    [Trait("Guarantee", "G4")]
    public Task Random_failures_between_sends_that_are_on_their_way_neither_reorder_nor_lose_nor_repeat() => Histories.SampleAsync(
        async history =>
        {
            var fates = new Queue<string>(history.Fates);
            var (time, options) = (TimeProvider.System, new DuplexityOptions());
            var engine = new FlakyEngine(new EmbeddedEngine(time, Options.Create(options), NullLogger<EmbeddedEngine>.Instance), fates);
            var rig = new PipeRig([], [], _ => { }, engine, [new NamedGate("busy", Step.Entry, _ => Next(fates, "gate") ? DuplexityError.Of(Errors.Unavailable, "Not now.") : null)]);
            var amy = new FakeEnd("amy");
            var waiting = Enumerable.Range(1, history.Messages).ToList();
            var given = new HashSet<int>();
            while (waiting.Count > 0)
            {
                var answers = waiting.Select((n, i) => rig.Machine.SendAsync(amy.Sender(), Message(n, i == 0 ? null : waiting[i - 1])).AsTask()).ToArray();
                var again = new List<int>();
                foreach (var (n, answer) in waiting.Zip(await Task.WhenAll(answers).Soon()))
                {
                    if (answer.Error is null)
                    {
                        continue;
                    }

                    answer.Error.Sentence.Should().NotContain("too old");
                    ((ErrorKind)(answer.Error.Code / 100)).Should().Be(ErrorKind.Unavailable);
                    (history.GivesUp[n - 1] ? given.Add(n) : false).Should().Be(history.GivesUp[n - 1]);
                    again.AddRange(given.Contains(n) ? [] : [n]);
                }

                waiting = again;
            }

            var stored = (await rig.Engine.Log.ReadAsync(Address.Room("lobby"), null, 100)).Entries.Select(e => int.Parse(e.Message.Text!, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
            stored.Should().BeInAscendingOrder().And.OnlyHaveUniqueItems();
            Enumerable.Range(1, history.Messages).Except(given).Should().BeSubsetOf(stored);
        },
        iter: 500);

    private static SendRequest Message(int n, int? after) => PipeRig.Text($"{n}", "room:lobby") with { Session = "s", Sequence = n, After = after };

    /// <summary>Whether this is what happens next; then it has.</summary>
    private static bool Next(Queue<string> fates, string fate) => fates.TryPeek(out var next) && next == fate && fates.TryDequeue(out _);

    private sealed class FlakyEngine(IEngine inner, Queue<string> fates) : EngineBeside(inner)
    {
        public override IMessageLog Log { get; } = new FlakyLog(inner.Log, fates);
    }

    private sealed class FlakyLog(IMessageLog inner, Queue<string> fates) : IMessageLog
    {
        public ReceiptLevel Level => inner.Level;

        public ValueTask<AppendResult> AppendAsync(AppendRequest request, CancellationToken ct = default)
        {
            var fate = fates.TryDequeue(out var next) ? next : "store";
            var answer = fate.StartsWith("store", StringComparison.Ordinal) ? inner.AppendAsync(request, ct).AsTask() : Task.FromResult<AppendResult>(null!);
            return LaterAsync(fate, answer);
        }

        public ValueTask<AppendResult?> FindAsync(IdempotencyKey key, CancellationToken ct = default) => inner.FindAsync(key, ct);

        public ValueTask<LogPage> ReadAsync(Address channel, Position? since, int limit, bool reverse = false, CancellationToken ct = default) => inner.ReadAsync(channel, since, limit, reverse, ct);

        public ValueTask<Position> TopAsync(Address channel, CancellationToken ct = default) => inner.TopAsync(channel, ct);

        public ValueTask<Position?> ReadSourceAsync(Address channel, string edge, CancellationToken ct = default) => inner.ReadSourceAsync(channel, edge, ct);

        public ValueTask RemoveAsync(Address channel, CancellationToken ct = default) => inner.RemoveAsync(channel, ct);

        public ValueTask FollowAsync(Address channel) => inner.FollowAsync(channel);

        public void Unfollow(Address channel) => inner.Unfollow(channel);

        public ValueTask HintAsync(Address channel) => inner.HintAsync(channel);

        private static async ValueTask<AppendResult> LaterAsync(string fate, Task<AppendResult> answer)
        {
            await Task.Yield();
            return fate switch
            {
                "store" => await answer,
                "fail" or "gate" => throw new DuplexityException(DuplexityError.Of(Errors.Unavailable, "Not now.")),
                _ => throw new DuplexityException(DuplexityError.Of(Errors.OutcomeUnknown, "Nobody knows.")),
            };
        }
    }
}
