using Duplexity.EndToEnd.Tests.Real;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Messaging;

/// <summary>The service is killed while work is claimed and acknowledged: real processes, a real data folder.</summary>
public sealed class ClaimKillTests
{
    [Fact]
    [Trait("Requirement", "1.31")]
    [Trait("Guarantee", "G17")]
    [Trait("Guarantee", "G22")]
    public async Task Over_kills_no_message_is_missed_and_no_attempt_is_offered_twice()
    {
        const int Messages = 120;
        var random = new Random(22);
        await using var service = await RealService.StartAsync("--Duplexity:Limits:InboxMessages=1000000", "--Duplexity:Limits:InboxAttempts=1000", "--Duplexity:Times:InboxClaim=00:00:01");
        await using (var ben = service.Connection("ben"))
        {
            await ben.ConnectAsync();
            await Task.WhenAll(Enumerable.Range(0, Messages).Select(i => ben.SendAsync(Address.Client("amy"), $"{i}")));
        }

        var attempts = new Dictionary<string, int>();
        var done = new HashSet<string>();
        for (var kill = 0; kill < 6; kill++)
        {
            await using (var amy = await WorkerAsync(service))
            {
                await WorkAsync(amy, random.Next(8, 20));
                service.Process.Kill();
                await service.Process.ExitAsync();
            }

            await service.StartAgainAsync();
        }

        await using var last = await WorkerAsync(service);
        await WorkAsync(last, int.MaxValue);

        done.Should().HaveCount(Messages);
        attempts.Values.Should().Contain(a => a > 1, "something was in hand at some kill");

        async Task WorkAsync(DuplexityConnection amy, int count)
        {
            await foreach (var claim in amy.Inbox.ClaimAllAsync())
            {
                claim.Attempt.Should().BeGreaterThan(attempts.GetValueOrDefault(claim.Message.Id), "the attempt is a fencing token, also over a kill");
                attempts[claim.Message.Id] = claim.Attempt;
                if (count == int.MaxValue || random.Next(4) > 0)
                {
                    await claim.AcknowledgeAsync();
                    done.Add(claim.Message.Text!);
                }

                if (--count == 0 || done.Count == Messages)
                {
                    return;
                }
            }
        }
    }

    [Fact]
    [Trait("Requirement", "1.8")]
    [Trait("Requirement", "1.31")]
    [Trait("Guarantee", "G22")]
    public async Task A_readers_place_survives_kills_and_never_lies_beyond_what_it_acknowledged()
    {
        const int Messages = 60;
        await using var service = await RealService.StartAsync("--Duplexity:Times:Cursors=00:00:00.01");
        await using (var ben = service.Connection("ben"))
        {
            await ben.ConnectAsync();
            await Task.WhenAll(Enumerable.Range(1, Messages).Select(i => ben.SendAsync(Address.Client("amy"), $"{i}")));
        }

        var (acknowledged, began) = (0, new List<int>());
        while (acknowledged < Messages)
        {
            await using (var amy = service.Connection("amy", inbox: new() { Ack = AckMode.Manual }))
            {
                await amy.ConnectAsync();
                var (isFirst, left) = (true, 15);
                await foreach (var message in amy.Inbox.ReadAllAsync())
                {
                    var number = int.Parse(message.Text!, System.Globalization.CultureInfo.InvariantCulture);
                    if (isFirst)
                    {
                        number.Should().BeInRange(1, acknowledged + 1, "what was not acknowledged is not passed over");
                        isFirst = false;
                        began.Add(number);
                    }

                    await amy.Inbox.AcknowledgeAsync(message);
                    acknowledged = Math.Max(acknowledged, number);
                    if (--left == 0 || acknowledged == Messages)
                    {
                        break;
                    }
                }

                service.Process.Kill();
                await service.Process.ExitAsync();
            }

            await service.StartAgainAsync();
        }

        began.Should().BeInAscendingOrder().And.Contain(n => n > 1, "places are on disk a moment after they moved");
    }

    private static async Task<DuplexityConnection> WorkerAsync(RealService service)
    {
        var amy = service.Connection("amy", inbox: new() { Ack = AckMode.Claim, Hands = 4 });
        await amy.ConnectAsync();
        return amy;
    }
}
