using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Yarp.ReverseProxy.Forwarder;

namespace Duplexity.Server.Tunnels;

/// <summary>
/// YARP's forwarder in a container of its own: the application's YARP, if it has one, is not touched, and YARP's log lines, which have visitors' queries in them
/// with whatever secrets those carry, are not written.
/// </summary>
internal sealed class Forwarder : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddLogging().AddHttpForwarder().BuildServiceProvider();
    private readonly HttpMessageInvoker _visits = new(new VisitHandler());
    private readonly IHttpForwarder _forwarder;

    public Forwarder() => _forwarder = _services.GetRequiredService<IHttpForwarder>();

    public ValueTask<ForwarderError> SendAsync(HttpContext context, string prefix, ForwarderRequestConfig config, HttpTransformer transform) =>
        _forwarder.SendAsync(context, prefix, _visits, config, transform);

    public void Dispose()
    {
        _visits.Dispose();
        _services.Dispose();
    }
}
