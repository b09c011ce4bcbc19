using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes;

/// <summary>Silence is not death: a carrier that is half closed and says nothing stays open. These tests take their time, beside the others.</summary>
[Trait("Requirement", "3.4")]
public sealed class SilenceTests
{
    [Fact]
    public async Task A_minute_of_silence_after_a_half_close_loses_nothing()
    {
        await using var service = await RealService.StartAsync();
        await using var resource = new RawResource();
        var port = service.TcpPorts.First;
        await service.UpAsync("todd", $":{port}=tcp://127.0.0.1:{resource.Port}");
        await using var visitor = await RawVisitor.ConnectAsync(port);
        await visitor.SendAsync("all I have to say");
        visitor.FinishSending();
        await using var connection = await resource.AcceptAsync();
        (await connection.ReadToEndAsync()).Should().Be("all I have to say");

        // Longer than every keep-alive and ping on the way, twice over.
        await Wait.InSilenceAsync(TimeSpan.FromSeconds(60));

        var answer = new byte[1_000_000];
        new Random(3).NextBytes(answer);
        var sending = connection.SendAsync(answer);
        (await visitor.ReadExactlyAsync(answer.Length)).Should().Equal(answer);
        await sending;
        connection.FinishSending();
        (await visitor.ReadToEndAsync()).Should().BeEmpty();
    }
}
