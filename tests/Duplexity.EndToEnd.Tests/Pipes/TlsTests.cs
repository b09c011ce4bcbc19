using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes;

/// <summary>Public pipes by https, as README says: a real Caddy that asks for which hosts to get certificates, and Kestrel with a certificate that it is given. The visitor is curl.</summary>
[Trait("Requirement", "2.16")]
public sealed class TlsTests
{
    [Fact]
    [Trait("Guarantee", "G7")]
    [Trait("Requirement", "2.11")]
    public async Task Caddy_gets_certificates_for_pipes_and_reserved_names_and_for_nothing_that_a_stranger_makes_up()
    {
        var ask = FreePorts.One();
        await using var app = await EchoApp.StartAsync();
        await using var service = await RealService.StartAsync($"--Duplexity:Pipes:Ask:Address=http://127.0.0.1:{ask}", "--Duplexity:Pipes:Domains:cat1.example.com:Clients:0=todd");
        await service.UpAsync("todd", $"cat1.example.com=127.0.0.1:{app.Port}");
        await using var reserve = service.Cli("todd", "names", "reserve", "dog1");
        (await reserve.ExitAsync()).Should().Be(0, reserve.Output);
        await using var caddy = await Caddy.StartAsync(service.Port, ask);

        (await CurlAsync(service, caddy.Port, caddy.Root, "cat1.example.com")).Should().Be((0, "2 200"));
        (await CurlAsync(service, caddy.Port, caddy.Root, "dog1.localhost")).Should().Be((0, "2 404"), "it is kept, and nobody serves it");
        (await CurlAsync(service, caddy.Port, caddy.Root, "cat2.example.com")).Exit.Should().Be(35, "there is no certificate, and the handshake fails");
    }

    [Fact]
    public async Task Kestrel_serves_pipes_by_https_with_a_wildcard_certificate_and_http2()
    {
        var folder = Directory.CreateTempSubdirectory("duplexity-certificate-");
        var (file, key) = (Path.Combine(folder.FullName, "pipes.pem"), Path.Combine(folder.FullName, "pipes.key"));
        await WriteCertificateAsync(file, key);
        var port = FreePorts.One();
        await using var app = await EchoApp.StartAsync();
        await using (var service = await RealService.StartAsync(
            "--Kestrel:Endpoints:Service:Url=http://127.0.0.1:{Port}", $"--Kestrel:Endpoints:Pipes:Url=https://127.0.0.1:{port}",
            $"--Kestrel:Certificates:Default:Path={file}", $"--Kestrel:Certificates:Default:KeyPath={key}", $"--Duplexity:Pipes:Url=https://*.pipes.test:{port}"))
        {
            var up = await service.UpAsync("todd", $"cat1=127.0.0.1:{app.Port}");

            up.Output.Should().Contain($"https://cat1.pipes.test:{port}/");
            (await CurlAsync(service, port, file, "cat1.pipes.test")).Should().Be((0, "2 200"));
            (await CurlAsync(service, port, file, "cat1.pipes.test", "--http1.1")).Should().Be((0, "1.1 200"));
            (await CurlAsync(service, port, file, "cat2.pipes.test")).Should().Be((0, "2 404"));
        }

        folder.Delete(recursive: true);
    }

    // Exit code, and "HTTP-VERSION STATUS".
    private static async Task<(int Exit, string Answer)> CurlAsync(RealService service, int port, string authority, string host, params string[] options)
    {
        await using var curl = service.Run(
            ProcessTools.Find("curl"), ["-s", "-o", "/dev/null", "-w", "%{http_version} %{response_code}\n", "--cacert", authority, "--resolve", $"{host}:{port}:127.0.0.1", .. options, $"https://{host}:{port}/app/where"]);
        return (await curl.ExitAsync(), curl.Output.Trim());
    }

    private static async Task WriteCertificateAsync(string file, string key)
    {
        using var pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=*.pipes.test", pair, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("*.pipes.test");
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await File.WriteAllTextAsync(file, certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(key, pair.ExportPkcs8PrivateKeyPem());
    }
}
