using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

public sealed class OpeningTests
{
    [Fact]
    [Trait("Requirement", "2.18")]
    [Trait("Requirement", "2.29")]
    public async Task A_dialer_is_admitted_only_once_the_backend_has_said_so()
    {
        var (node, backend) = await StartAsync();
        await using var _ = node;
        await using var control = await StockSocket.ControlAsync(node, "amy");
        await control.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s1" });
        await using var data = await StockSocket.DataAsync(node, "amy");
        backend.Hold();

        var opening = data.InvokeAsync<OpenResponse>("Open", Open("cat1"));
        await backend.Asked.Soon();
        opening.IsCompleted.Should().BeFalse();
        backend.Release();

        (await opening).Error.Should().BeNull();
        (await control.NextPipesAsync()).Error.Should().BeNull();
    }

    [Fact]
    [Trait("Requirement", "2.18")]
    public async Task A_dialer_whom_the_backend_denies_is_told_why_and_closed()
    {
        var (node, _) = await StartAsync();
        await using var _1 = node;
        await using var ben = await StockSocket.ControlAsync(node, "ben");
        await ben.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s1" });
        await ben.InvokeAsync<PipesResponse>("RegisterPipes", new RegisterPipesRequest { Pipes = [Pipe("cat1")] });
        await using var control = await StockSocket.ControlAsync(node, "amy");
        await control.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s1" });
        await using var data = await StockSocket.DataAsync(node, "amy");

        var answer = await data.InvokeAsync<OpenResponse>("Open", Open("cat1"));

        answer.Error!.Name.Should().Be("name_taken");
        (await control.NextPipesAsync()).Error!.Name.Should().Be("name_taken");
        (await data.Disconnected).Code.Should().Be(526);
        await data.Closed;
    }

    [Fact]
    [Trait("Requirement", "2.30")]
    [Trait("Guarantee", "G21")]
    public async Task Control_lost_while_pipes_are_registered_undoes_those_and_leaves_the_others_their_grace()
    {
        var (node, backend) = await StartAsync();
        await using var _ = node;
        var control = await StockSocket.ControlAsync(node, "amy");
        await control.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s1" });
        await control.InvokeAsync<PipesResponse>("RegisterPipes", new RegisterPipesRequest { Pipes = [Pipe("cat0")] });
        await using var data = await StockSocket.DataAsync(node, "amy");
        backend.Hold();
        var opening = data.InvokeAsync<OpenResponse>("Open", Open("cat1"));
        await backend.Asked.Soon();

        await control.DisposeAsync();
        await using var watch = await StockSocket.ControlAsync(node, "amy");
        await watch.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s2" });
        while ((await watch.InvokeAsync<ListPipesResponse>("ListPipes", new ListPipesRequest())).Pipes is not [{ State: "away" }])
        {
            await Task.Yield();
        }

        backend.Release();

        (await opening).Error!.Name.Should().Be("control_not_established");
        (await watch.InvokeAsync<ListPipesResponse>("ListPipes", new ListPipesRequest())).Pipes.Should().ContainSingle().Which.Name.Should().Be("cat0.localhost");
    }

    [Fact]
    [Trait("Requirement", "2.30")]
    public async Task Control_replaced_while_pipes_are_registered_the_result_goes_to_the_new_one()
    {
        var (node, backend) = await StartAsync();
        await using var _ = node;
        await using var first = await StockSocket.ControlAsync(node, "amy");
        await first.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s1" });
        await using var data = await StockSocket.DataAsync(node, "amy");
        backend.Hold();
        var opening = data.InvokeAsync<OpenResponse>("Open", Open("cat1"));
        await backend.Asked.Soon();
        await using var second = await StockSocket.ControlAsync(node, "amy");
        await second.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s1" });
        await first.Closed;

        backend.Release();

        (await opening).Error.Should().BeNull();
        (await second.NextPipesAsync()).Pipes.Should().ContainSingle().Which.Name.Should().Be("cat1.localhost");
    }

    [Fact]
    [Trait("Guarantee", "G5")]
    [Trait("Requirement", "3.4")]
    public async Task The_services_own_name_under_the_pipes_domain_is_nobodys_pipe()
    {
        await using var node = await TestNode.StartAsync(s => s.Options = o => o.Url = new Uri("http://hub.localhost"));
        await using var control = await StockSocket.ControlAsync(node, "amy");
        await control.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s1" });

        var answer = await control.InvokeAsync<PipesResponse>("RegisterPipes", new RegisterPipesRequest { Pipes = [Pipe("hub")] });
        using var visit = await node.VisitAsync("hub", "/auth");

        answer.Error!.Name.Should().Be("invalid_pipe");
        visit.StatusCode.Should().Be(System.Net.HttpStatusCode.Unauthorized, "the service answers, and asks for a token");
    }

    [Fact]
    [Trait("Requirement", "2.23")]
    public async Task Who_is_named_is_found_and_nobody_else_and_who_is_not_there_is_said_to_be_so()
    {
        await using var node = await TestNode.StartAsync();
        await using var one = await StockSocket.DataAsync(node, "amy");
        await using var two = await StockSocket.DataAsync(node, "amy");
        await using var ben = await StockSocket.DataAsync(node, "ben");
        var duplexity = node.Services.GetRequiredService<IDuplexity>();

        (await duplexity.DisconnectAsync(Address.Client("amy"), "enough")).Should().Be(2);
        await one.Closed;
        await two.Closed;

        ben.Hub.State.Should().Be(HubConnectionState.Connected);
        (await ben.SendAsync("hello?", $"socket:{one.Id}")).Error!.Name.Should().Be("unknown_destination");
        (await ben.SendAsync("hello?", "client:amy")).Destinations![0].Listeners.Should().Be(0);
    }

    [Fact]
    [Trait("Requirement", "2.24")]
    public async Task A_client_is_sent_nowhere_but_to_the_node_that_it_came_to()
    {
        await using var node = await TestNode.StartAsync();
        await using var control = await StockSocket.ControlAsync(node, "amy");
        var ordered = Wait.For<CarryOrder>("a carry order", take => control.Hub.On(nameof(IControlClient.Carry), take));
        var discovered = await control.InvokeAsync<DiscoveryResponse>("Discover", new DiscoveryRequest { Session = "s1" });
        await control.InvokeAsync<PipesResponse>("RegisterPipes", new RegisterPipesRequest { Pipes = [Pipe("cat1")] });
        using var givesUp = new CancellationTokenSource();
        var request = new HttpRequestMessage(HttpMethod.Get, node.Listening);
        request.Headers.Host = $"cat1.localhost:{node.Port}";

        var visit = node.Http.SendAsync(request, givesUp.Token);
        var order = await ordered;
        await givesUp.CancelAsync();

        var own = node.Address.GetLeftPart(UriPartial.Authority);
        discovered.Origins.Should().Equal(own);
        new[] { discovered.DataPlaneUri!, order.Uri }.Should().OnlyContain(uri => new Uri(uri).GetLeftPart(UriPartial.Authority) == own);
        await FluentActions.Awaiting(() => visit).Should().ThrowAsync<OperationCanceledException>();
    }

    private static PipeRegistration Pipe(string name) => new() { Name = name, Resource = "http://localhost:9090" };

    private static OpenRequest Open(string name) => new() { Session = "s1", Pipes = [Pipe(name)] };

    private static async Task<(TestNode Node, HeldRegistry Backend)> StartAsync()
    {
        HeldRegistry registry = null!;
        var node = await TestNode.StartAsync(s => s.Services = services => services.AddSingleton<IEngine>(provider =>
        {
            var engine = ActivatorUtilities.CreateInstance<EmbeddedEngine>(provider);
            registry = new HeldRegistry(engine.Registry);
            return new EngineWith(engine, registry);
        }));
        return (node, registry);
    }

    private sealed class EngineWith(IEngine inner, IRegistry registry) : EngineBeside(inner)
    {
        public override IRegistry Registry => registry;
    }

    /// <summary>A backend that takes its time where a test wants it to.</summary>
    private sealed class HeldRegistry(IRegistry inner) : IRegistry
    {
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private TaskCompletionSource? _held;

        public Task Asked => _asked.Task;

        public void Hold() => _held = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Release() => _held!.SetResult();

        public async ValueTask<RegisterResult> RegisterAsync(IReadOnlyList<PipeEntry> entries, CancellationToken ct = default)
        {
            if (_held is { } held)
            {
                _asked.TrySetResult();
                await held.Task.WaitAsync(ct);
            }

            return await inner.RegisterAsync(entries, ct);
        }

        public ValueTask<long> NextGenerationAsync(CancellationToken ct = default) => inner.NextGenerationAsync(ct);

        public ValueTask<IReadOnlyList<PipeEntry>> LocateAllAsync(string name, CancellationToken ct = default) => inner.LocateAllAsync(name, ct);

        public ValueTask<IReadOnlyList<PipeEntry>> ReadAllAsync(string name, CancellationToken ct = default) => inner.ReadAllAsync(name, ct);

        public ValueTask<IReadOnlyList<PipeEntry>> ListAsync(string? client, CancellationToken ct = default) => inner.ListAsync(client, ct);

        public ValueTask<IReadOnlyList<PipeEntry>> RemoveAsync(string client, string session, long generation, IReadOnlyList<string>? names = null, CancellationToken ct = default) =>
            inner.RemoveAsync(client, session, generation, names, ct);
    }
}
