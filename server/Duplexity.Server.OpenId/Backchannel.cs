using System.Net;
using Duplexity.Server.Auth;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Duplexity.Server.OpenId;

/// <summary>The way from the node to its own provider: a call within the process, for which no certificate, proxy or listening address needs to be known. Thread-safe.</summary>
internal sealed class Backchannel : IOidcBackchannel, IDisposable
{
    public Backchannel(Provider provider)
    {
        // As long as the provider lets a password wait: on a busy machine its keys are busy too.
        Client = new HttpClient(new Inside(provider)) { Timeout = TimeSpan.FromSeconds(30) };
    }

    public HttpClient Client { get; }

    /// <summary>The provider's page beside the callback: a browser may know the node under another name than the provider's own.</summary>
    public string InBrowser(string address, string callback) => $"{callback[..callback.LastIndexOf("/auth/", StringComparison.Ordinal)]}{OwnClient.Path}/authorize";

    public void Dispose() => Client.Dispose();

    private sealed class Inside(Provider provider) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var (uri, context, body) = (request.RequestUri!, new DefaultHttpContext(), new MemoryStream());
            context.Features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(body));
            context.RequestAborted = cancellationToken;
            var asked = context.Request;
            (asked.Method, asked.Protocol, asked.Scheme, asked.Host) = (request.Method.Method, HttpProtocol.Http11, uri.Scheme, HostString.FromUriComponent(uri));
            (asked.Path, asked.QueryString) = (PathString.FromUriComponent(uri), QueryString.FromUriComponent(uri));
            foreach (var (name, values) in request.Headers.NonValidated.Concat(request.Content?.Headers.NonValidated ?? default))
            {
                asked.Headers[name] = values.ToArray();
            }

            if (request.Content is { } content)
            {
                asked.Body = await content.ReadAsStreamAsync(cancellationToken);
            }

            await provider.RunAsync(context);
            await context.Response.CompleteAsync();
            var response = new HttpResponseMessage((HttpStatusCode)context.Response.StatusCode) { RequestMessage = request, Content = new ByteArrayContent(body.ToArray()) };
            foreach (var (name, values) in context.Response.Headers)
            {
                if (!response.Headers.TryAddWithoutValidation(name, values.ToArray()))
                {
                    response.Content.Headers.TryAddWithoutValidation(name, values.ToArray());
                }
            }

            return response;
        }
    }
}
