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
    private readonly HttpMessageInvoker _nodes = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(5) });
    private readonly IHttpForwarder _forwarder;

    public Forwarder() => _forwarder = _services.GetRequiredService<IHttpForwarder>();

    /// <summary>To the resource behind a pipe.</summary>
    public ValueTask<ForwarderError> SendAsync(HttpContext context, string prefix, ForwarderRequestConfig config, HttpTransformer transform) =>
        _forwarder.SendAsync(context, prefix, _visits, config, transform);

    /// <summary>To another node.</summary>
    public ValueTask<ForwarderError> HandOnAsync(HttpContext context, string prefix, ForwarderRequestConfig config, HttpTransformer transform) =>
        _forwarder.SendAsync(context, prefix, _nodes, config, transform);

    public void Dispose()
    {
        _nodes.Dispose();
        _visits.Dispose();
        _services.Dispose();
    }
}
