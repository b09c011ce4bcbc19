using System.Collections.Concurrent;
using System.Diagnostics;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;
using Xunit.Abstractions;

namespace Duplexity.EndToEnd.Tests.Pipes;

/// <summary>
/// Two owners' programs are killed and started again, over and over, while visitors ask both names without a pause. Whatever dies: an answer is the right one or says that there is none, it comes, and no resource sees a request twice or one that was another's.
/// </summary>
[Trait("Requirement", "3.7")]
[Trait("Guarantee", "G7")]
[Trait("Guarantee", "G12")]
[Trait("Guarantee", "G13")]
public sealed class KilledClientsTests(ITestOutputHelper output)
{
    private const int VisitorsOfEach = 8;

    /// <summary>What visitors do in turn: the methods of G12, with no body, an empty one, one of a known length and one in chunks.</summary>
    private static readonly (string Method, bool HasBody, bool IsEmpty, bool IsChunked)[] Kinds =
    [
        ("GET", false, false, false), ("HEAD", false, false, false), ("POST", true, true, false), ("POST", true, false, false), ("DELETE", false, false, false), ("PUT", true, false, true), ("PUT", true, false, false),
    ];

    [Fact]
    public Task Requests_while_both_clients_are_killed_are_answered_rightly_or_refused_and_reach_their_resource_once() => StormAsync(requests: 1_500, kills: 4, apart: 300);

    [Fact]
    [Trait("Category", "Long")]
    public Task Ten_thousand_requests_while_the_clients_are_killed_every_few_seconds() => StormAsync(requests: 10_000, kills: 24, apart: 800);

    private async Task StormAsync(int requests, int kills, int apart)
    {
        var random = new Random(12);
        await using var service = await RealService.StartAsync();
        await using var cat = new CountingResource("cat1");
        await using var dog = new CountingResource("dog1");
        Side[] sides = [new("todd", "cat1", cat), new("bob", "dog1", dog)];
        await Task.WhenAll(sides.Select(s => s.StartAsync(service)));

        using var over = new CancellationTokenSource();
        var visits = sides.SelectMany(side => Enumerable.Range(0, VisitorsOfEach).Select(visitor => VisitAsync(service, side, visitor, over.Token))).ToArray();
        var all = Task.WhenAll(visits);
        for (var kill = 0; kill < kills; kill++)
        {
            // One, the other, both.
            var dying = (kill % 3) switch { 0 => new[] { sides[0] }, 1 => new[] { sides[1] }, _ => sides };
            await dying[0].MoreAsync(random.Next(1, apart), all);
            foreach (var side in dying)
            {
                side.Up.Kill();
            }

            await Task.WhenAll(dying.Select(s => s.StartAsync(service)));
        }

        while (sides.Sum(s => s.Answers.Count) < requests)
        {
            await sides[0].MoreAsync(1, all);
        }

        await over.CancelAsync();
        await all.Soon(TestTimeout.Long);
        foreach (var side in sides)
        {
            side.Check(output);
        }
    }

    private static async Task VisitAsync(RealService service, Side side, int visitor, CancellationToken over)
    {
        await using var asking = new OnceVisitor(service.Port, service.Host(side.Name));
        for (var i = 0; !over.IsCancellationRequested; i++)
        {
            var (method, hasBody, isEmpty, isChunked) = Kinds[(visitor + i) % Kinds.Length];
            var path = $"/{side.Name}/{visitor}-{i}";
            var body = !hasBody ? null : isEmpty ? "" : $"body of {path}";
            var began = Stopwatch.GetTimestamp();
            var answer = await asking.AskAsync(method, path, body, isChunked);
            side.Take(method, path, body, answer, Stopwatch.GetElapsedTime(began));
            if (answer.Status != 200)
            {
                // As somebody would; else most requests would come while nobody is there.
                await Wait.InSilenceAsync(TimeSpan.FromMilliseconds(20));
            }
        }
    }

    /// <summary>One owner, its program, its resource, and what visitors got under its name.</summary>
    private sealed class Side(string owner, string name, CountingResource resource)
    {
        private readonly SemaphoreSlim _right = new(0);
        private long _longest;
        private int _cut;

        public string Name => name;

        public RealProcess Up { get; private set; } = null!;

        /// <summary>The status that each request got; 0: its answer broke off, and was seen to.</summary>
        public ConcurrentDictionary<string, int> Answers { get; } = new();

        public async Task StartAsync(RealService service) => Up = await service.UpAsync(owner, $"{name}=127.0.0.1:{resource.Port}");

        /// <summary>Waits for so many more right answers; fails where <paramref name="visits"/> do.</summary>
        public async Task MoreAsync(int count, Task visits)
        {
            for (; count > 0; count--)
            {
                var more = _right.WaitAsync(TestTimeout.Long);
                if (await Task.WhenAny(more, visits) == visits)
                {
                    await visits;
                }

                (await more).Should().BeTrue("visitors of {0} go on being served", name);
            }
        }

        public void Take(string method, string path, string? body, VisitorAnswer answer, TimeSpan took)
        {
            InterlockedMax(ref _longest, took.Ticks);
            Answers[path] = answer.Body is null ? 0 : answer.Status;
            if (answer.Status != 200)
            {
                answer.Status.Should().BeOneOf([502, 503, 504], "{0} {1} got {2}", method, path, answer.Head);
                answer.Head.Should().NotContain("X-Resource");
                return;
            }

            if (method == "HEAD")
            {
                OnceVisitor.Header(answer.Head, "X-Resource").Should().Be($"{name} {path}");
            }
            else if (answer.Body is null)
            {
                Interlocked.Increment(ref _cut);
                return;
            }
            else
            {
                answer.Body.Should().Be(CountingResource.Answer(name, method, path, body));
            }

            _right.Release();
        }

        public void Check(ITestOutputHelper output)
        {
            resource.Seen.Keys.Should().OnlyContain(path => Answers.ContainsKey(path), "it sees its own visitors' requests");
            resource.Seen.Where(s => s.Value > 1).Should().BeEmpty("a request reaches its resource at most once");
            Answers.Where(a => a.Value is 200 or 0).Should().OnlyContain(a => resource.Seen.ContainsKey(a.Key));
            var refused = string.Join(", ", Answers.Values.Where(s => s is not (200 or 0)).GroupBy(s => s).OrderBy(g => g.Key).Select(g => $"{g.Count()} got {g.Key}"));
            output.WriteLine($"{name}: {Answers.Count} requests, {Answers.Values.Count(s => s == 200)} answered, {_cut} broken off within the answer, {refused}; {resource.Seen.Count} reached the resource; the longest took {TimeSpan.FromTicks(_longest).TotalSeconds:0.00} s");
        }

        private static void InterlockedMax(ref long most, long value)
        {
            for (var seen = Volatile.Read(ref most); value > seen; seen = Volatile.Read(ref most))
            {
                Interlocked.CompareExchange(ref most, value, seen);
            }
        }
    }
}
