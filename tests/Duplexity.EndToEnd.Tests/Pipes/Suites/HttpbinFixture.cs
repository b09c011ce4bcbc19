using Duplexity.EndToEnd.Tests.Real;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes.Suites;

/// <summary>httpbin behind the pipe <c>httpbin</c>.</summary>
public sealed class HttpbinFixture(SuiteStage stage) : IAsyncLifetime
{
    public Httpbin Httpbin { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Httpbin = await Httpbin.StartAsync();
        await stage.Service.UpAsync("todd", $"httpbin={Httpbin.Port}");
    }

    public async Task DisposeAsync()
    {
        if (Httpbin is not null)
        {
            await Httpbin.DisposeAsync();
        }
    }
}
