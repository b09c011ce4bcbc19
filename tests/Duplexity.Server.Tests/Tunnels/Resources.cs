using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Duplexity.Server.Tests.Tunnels;

/// <summary>Resources that are applications on a real Kestrel.</summary>
internal static class Resources
{
    public static async Task<WebApplication> StartAsync(
        Action<WebApplication> configure, HttpProtocols protocols = HttpProtocols.Http1, Action<IServiceCollection>? services = null, X509Certificate2? certificate = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        services?.Invoke(builder.Services);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(k =>
        {
            k.Limits.MaxRequestBodySize = null;
            k.Limits.MinRequestBodyDataRate = null;
            k.Limits.MinResponseDataRate = null;
            k.AllowAlternateSchemes = true; // the front's HTTP/2 client is in the clear and says so, whatever the client's end does
            k.Listen(IPAddress.Loopback, 0, l =>
            {
                l.Protocols = protocols;
                if (certificate is not null)
                {
                    l.UseHttps(certificate);
                }
            });
        });
        var app = builder.Build();
        configure(app);
        await app.StartAsync();
        return app;
    }

    /// <summary>The address, with a scheme of the test's choice.</summary>
    public static string At(this WebApplication app, string scheme) => $"{scheme}://127.0.0.1:{new Uri(app.Urls.Single()).Port}";

    /// <summary>Self-signed, as development servers have them.</summary>
    public static X509Certificate2 SelfSigned(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
