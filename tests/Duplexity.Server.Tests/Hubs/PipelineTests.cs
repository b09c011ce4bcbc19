using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

public sealed class PipelineTests
{
    [Fact]
    [Trait("Guarantee", "G11")]
    public async Task A_thousand_pipelined_sends_through_a_slow_commit_are_stored_in_order_and_share_commits()
    {
        CommittingEngine engine = null!;
        await using var node = await TestNode.StartAsync(s => s.Services = services => services.AddSingleton<IEngine>(
            provider => engine = new CommittingEngine(ActivatorUtilities.CreateInstance<EmbeddedEngine>(provider), TimeSpan.FromMilliseconds(5))));
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await ben.JoinAsync("room:r");

        var sends = Enumerable.Range(1, 1000)
            .Select(i => amy.Hub.InvokeAsync<SendResponse>("Send", new SendRequest { To = ["room:r"], Text = $"{i}" }))
            .ToArray();
        var receipts = await Task.WhenAll(sends).Soon();

        receipts.Select(r => r.Destinations![0].Position!.Offset).Should().Equal(Enumerable.Range(1, 1000).Select(i => (long)i));
        (await ben.TextsAsync(1000)).Should().Equal(Enumerable.Range(1, 1000).Select(i => $"{i}"));
        engine.Commits.Should().BeLessThan(500, "one by one it would be a thousand");
    }

    [Fact]
    [Trait("Guarantee", "G11")]
    public async Task Two_who_send_to_each_other_and_wait_for_each_other_are_both_answered()
    {
        await using var node = await TestNode.StartAsync();
        await using var amy = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        await amy.JoinAsync("client:amy");
        await ben.JoinAsync("client:ben");

        var answers = await Task.WhenAll(
            Enumerable.Range(0, 100).SelectMany(i => new[] { amy.SendAsync($"{i}", "client:ben"), ben.SendAsync($"{i}", "client:amy") }));

        answers.Should().OnlyContain(a => a.Error == null);
        (await amy.TextsAsync(100)).Should().OnlyHaveUniqueItems();
        (await ben.TextsAsync(100)).Should().OnlyHaveUniqueItems();
    }

    [Fact]
    [Trait("Guarantee", "G11")]
    public void Hubs_have_no_streaming_methods_for_signalr_does_not_count_them() =>
        new[] { typeof(IControlHub), typeof(IDataHub) }.SelectMany(i => i.GetMethods()).Should().OnlyContain(m =>
            m.ReturnType.IsGenericType && m.ReturnType.GetGenericTypeDefinition() == typeof(Task<>)
            && m.GetParameters().Length == 1 && typeof(Request).IsAssignableFrom(m.GetParameters()[0].ParameterType));
}
