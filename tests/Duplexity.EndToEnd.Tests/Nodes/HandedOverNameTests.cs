using System.Diagnostics;
using System.Net;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;
using Xunit.Abstractions;

namespace Duplexity.EndToEnd.Tests.Nodes;

/// <summary>
/// A hostname goes from one owner to another while visitors ask at a third node that hears nothing of the bus: the first one's answers, then none, then the second one's, and never one's for the other's.
/// </summary>
[Trait("Requirement", "2.20")]
[Trait("Guarantee", "G7")]
public sealed class HandedOverNameTests(ITestOutputHelper output)
{
    /// <summary>For how long a node remembers who serves a name, and uses carriers that were not confirmed (G7).</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan HandOver = Remembered + TimeSpan.FromSeconds(2);

    private const int VisitorsOfEach = 3;

    [Fact]
    public async Task A_node_without_the_bus_never_serves_the_former_owners_answer_once_the_next_one_is_ready()
    {
        await using var stage = await Stage.StartAsync();
        await using var todd = stage.A.Connection("todd");
        await todd.ConnectAsync().Soon(TestTimeout.Long);
        await using var cat = await todd.Pipes.OpenAsync("cat1", stage.One.Authority).Soon(TestTimeout.Long);
        await using var line = new FaultProxy(stage.A.Port, isRedis: false);
        await stage.UpByAsync(line, "tim", "dog1");

        // One is removed by its owner. The other's owner is cut off from its node without a word, and goes on serving whoever has a carrier of it.
        await Task.WhenAll(
            HandOverAsync(stage, "cat1", () => cat.DisposeAsync().AsTask(), mayBeMetFor: TimeSpan.Zero),
            HandOverAsync(stage, "dog1", () => stage.CutOffAsync(line, "dog1"), mayBeMetFor: Remembered));
        stage.Lost.Should().BePositive("the bus is not heard at that node");
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task A_node_that_stood_still_meanwhile_never_serves_it_either_though_its_carriers_are_alive()
    {
        await using var stage = await Stage.StartAsync();
        await using var line = new FaultProxy(stage.A.Port, isRedis: false);
        await stage.UpByAsync(line, "tim", "fox1");
        using var visitor = stage.C.Visitor("fox1");
        (await Task.WhenAll(Enumerable.Range(0, 8).Select(i => visitor.GetStringAsync($"/{i}").Soon()))).Should().OnlyContain(answer => answer.StartsWith("one "));

        stage.C.Process.Freeze();
        await stage.CutOffAsync(line, "fox1");
        await using var next = await stage.Bob.Pipes.OpenAsync("fox1", stage.Two.Authority).Soon(TestTimeout.Long);
        var asked = Enumerable.Range(0, 8).Select(i => visitor.GetAsync($"/while-{i}")).ToArray();
        using var elsewhere = stage.B.Visitor("fox1");
        while ((await elsewhere.GetAsync("/").Soon()).StatusCode != HttpStatusCode.OK)
        {
            await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(20));
        }

        stage.C.Process.Unfreeze();
        foreach (var answer in await Task.WhenAll(asked).Soon(TestTimeout.Long))
        {
            (await answer.Content.ReadAsStringAsync()).Should().NotStartWith("one ");
        }

        string text;
        do
        {
            text = await (await visitor.GetAsync("/after").Soon()).Content.ReadAsStringAsync();
            text.Should().NotStartWith("one ");
        }
        while (text != "two /after");
    }

    /// <summary>Visitors ask at C, before and after, while the name goes from the first owner, by <paramref name="leave"/>, to the second one. When that has registered, the first may be met for <paramref name="mayBeMetFor"/>.</summary>
    private async Task HandOverAsync(Stage stage, string name, Func<Task> leave, TimeSpan mayBeMetFor)
    {
        using var over = new CancellationTokenSource();
        var seen = new Seen();
        var visits = Task.WhenAll(Enumerable.Range(0, VisitorsOfEach).Select(visitor => VisitAsync(stage.C, name, visitor, seen, over.Token)));
        await seen.Ones.WhenAsync(100, visits);

        var leaving = Stopwatch.GetTimestamp();
        await leave();
        await using var pipe = await stage.Bob.Pipes.OpenAsync(name, stage.Two.Authority).Soon(TestTimeout.Long);
        var ready = Stopwatch.GetTimestamp();
        await seen.Twos.WhenAsync(100, visits);

        await over.CancelAsync();
        await visits.Soon(TestTimeout.Long);
        output.WriteLine($"{name}: {seen.Ones.Count} answers of the first owner, {seen.Nones.Count} of nobody, {seen.Twos.Count} of the second; the first one's last was asked for {Stopwatch.GetElapsedTime(leaving, seen.Ones.LastBegan).TotalSeconds:0.00} s after it began to leave; the second was ready after {Stopwatch.GetElapsedTime(leaving, ready).TotalSeconds:0.00} s, and first answered after {Stopwatch.GetElapsedTime(leaving, seen.Twos.FirstEnded).TotalSeconds:0.00} s");
        Stopwatch.GetElapsedTime(ready, seen.Ones.LastBegan).Should().BeLessThanOrEqualTo(mayBeMetFor);
        seen.Ones.LastBegan.Should().BeLessThan(seen.Twos.FirstBegan, "nobody meets the first owner when the second one serves");
        Stopwatch.GetElapsedTime(leaving, seen.Twos.FirstEnded).Should().BeGreaterThanOrEqualTo(HandOver, "the name rests between two owners");
        seen.Nones.Count.Should().BePositive();
    }

    private static async Task VisitAsync(RealService at, string name, int visitor, Seen seen, CancellationToken over)
    {
        using var asking = at.Visitor(name);
        for (var i = 0; !over.IsCancellationRequested; i++)
        {
            var (path, began) = ($"/{name}/{visitor}-{i}", Stopwatch.GetTimestamp());
            using var answer = await asking.GetAsync(path, CancellationToken.None);
            var text = await answer.Content.ReadAsStringAsync(CancellationToken.None);
            var count = answer.StatusCode switch
            {
                HttpStatusCode.OK when text == $"one {path}" => seen.Ones,
                HttpStatusCode.OK when text == $"two {path}" => seen.Twos,
                HttpStatusCode.NotFound or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout => seen.Nones,
                _ => throw new InvalidOperationException($"{path} got {(int)answer.StatusCode} {text}"),
            };
            count.Add(began);
            await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(5));
        }
    }

    /// <summary>What visitors of a name got: the first owner's answers, the second one's, nobody's.</summary>
    private sealed record Seen
    {
        public Tally Ones { get; } = new();

        public Tally Twos { get; } = new();

        public Tally Nones { get; } = new();
    }

    /// <summary>Answers of one kind.</summary>
    private sealed class Tally
    {
        private readonly Lock _lock = new();
        private readonly SemaphoreSlim _more = new(0);

        public int Count { get; private set; }

        public long LastBegan { get; private set; }

        public long FirstBegan { get; private set; } = long.MaxValue;

        public long FirstEnded { get; private set; } = long.MaxValue;

        public void Add(long began)
        {
            lock (_lock)
            {
                (Count, LastBegan) = (Count + 1, Math.Max(LastBegan, began));
                (FirstBegan, FirstEnded) = (Math.Min(FirstBegan, began), Math.Min(FirstEnded, Stopwatch.GetTimestamp()));
            }

            _more.Release();
        }

        /// <summary>Waits for so many; fails where <paramref name="visits"/> do.</summary>
        public async Task WhenAsync(int count, Task visits)
        {
            for (; count > 0; count--)
            {
                var more = _more.WaitAsync(TestTimeout.Long);
                if (await Task.WhenAny(more, visits) == visits)
                {
                    await visits;
                }

                (await more).Should().BeTrue("such an answer comes");
            }
        }
    }

    /// <summary>Three nodes, the third without the bus, and two resources that say who they are.</summary>
    private sealed class Stage : IAsyncDisposable
    {
        private RedisProcess _redis = null!;
        private FaultProxy _ofC = null!;
        private RealProcess _up = null!;

        public RealService A { get; private set; } = null!;

        public RealService B { get; private set; } = null!;

        public RealService C { get; private set; } = null!;

        /// <summary>The second owner of every name.</summary>
        public DuplexityConnection Bob { get; private set; } = null!;

        public RawResource One { get; } = Resource("one");

        public RawResource Two { get; } = Resource("two");

        /// <summary>How many messages of the bus C did not hear.</summary>
        public int Lost => _ofC.Lost;

        public static async Task<Stage> StartAsync()
        {
            var stage = new Stage { _redis = await RedisProcess.StartAsync() };
            stage._ofC = new FaultProxy(stage._redis.Port) { Loss = 1 };
            string[] settings =
            [
                "--Duplexity:Cluster:Key=a key of the tests, long enough for a cluster", "--Duplexity:Node:Url=http://127.0.0.1:{Port}", "--Duplexity:Times:NodeNews=00:00:00.2", $"--Duplexity:Times:HandOver={HandOver}",
                "--Duplexity:Times:KeepAlive=00:00:01", "--Duplexity:Times:ClientTimeout=00:00:06", "--Duplexity:Times:SessionGrace=00:00:01",
            ];
            var (direct, deaf) = ($"--Duplexity:Redis:Connection={stage._redis.Connection}", $"--Duplexity:Redis:Connection={stage._ofC.Connection}");
            stage.A = await RealService.StartAsync([.. settings, direct, "--Duplexity:Node:Name=a"]);
            var others = await Task.WhenAll(stage.A.StartBesideAsync([.. settings, direct, "--Duplexity:Node:Name=b"]), stage.A.StartBesideAsync([.. settings, deaf, "--Duplexity:Node:Name=c"]));
            (stage.B, stage.C) = (others[0], others[1]);
            stage.Bob = stage.B.Connection("bob");
            await stage.Bob.ConnectAsync().Soon(TestTimeout.Long);
            return stage;
        }

        /// <summary>Starts the first owner's program, which reaches A by a line.</summary>
        public async Task UpByAsync(FaultProxy line, string client, string name)
        {
            _up = CliProcess.Start(new Uri($"http://{line.Connection}"), A.Token(client), "up", $"{name}={One.Authority}");
            await _up.LineAsync("ready ");
        }

        /// <summary>Cuts the line without a word, and waits until A has let go of the name.</summary>
        public async Task CutOffAsync(FaultProxy line, string name)
        {
            line.Delay = TimeSpan.FromHours(1);
            using var visitor = A.Visitor(name);
            while ((await visitor.GetAsync("/").Soon(TestTimeout.Long)).StatusCode != HttpStatusCode.NotFound)
            {
                await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(20));
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Bob.DisposeAsync();
            await _up.DisposeAsync();
            await One.DisposeAsync();
            await Two.DisposeAsync();
            await C.DisposeAsync();
            await B.DisposeAsync();
            await A.DisposeAsync();
            await _ofC.DisposeAsync();
            await _redis.DisposeAsync();
        }

        private static RawResource Resource(string says) => new(async connection =>
        {
            while (await connection.ReadHeadAsync(TestTimeout.Long) is { Length: > 0 } head)
            {
                var text = $"{says} {head.Split(' ')[1]}";
                await connection.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {text.Length}\r\n\r\n{text}");
            }
        });
    }
}
