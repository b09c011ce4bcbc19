using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes;

/// <summary>nginx with an application behind it, served at <c>cat1.localhost</c> by the real command line through the real service.</summary>
public sealed class NginxFixture : IAsyncLifetime
{
    public EchoApp App { get; private set; } = null!;

    public Nginx Nginx { get; private set; } = null!;

    public RealService Service { get; private set; } = null!;

    public RealProcess Up { get; private set; } = null!;

    public HttpClient Visitor { get; private set; } = null!;

    public string Host => Service.Host("cat1");

    public async Task InitializeAsync()
    {
        App = await EchoApp.StartAsync();
        Nginx = await Nginx.StartAsync(App.Port);
        Service = await RealService.StartAsync();
        Up = await Service.UpAsync("todd", $"cat1.localhost=127.0.0.1:{Nginx.Port}");
        Visitor = Service.Visitor("cat1");
    }

    public async Task DisposeAsync()
    {
        Visitor?.Dispose();
        if (Service is not null)
        {
            await Service.DisposeAsync();
        }

        if (Nginx is not null)
        {
            await Nginx.DisposeAsync();
        }

        if (App is not null)
        {
            await App.DisposeAsync();
        }
    }
}
