using Duplexity.Protocol;
using Duplexity.Server.Hubs;

namespace Duplexity.Server.Api;

/// <summary>What came in at public pipes: what the control hub does, asked by HTTP.</summary>
internal sealed class ExchangeRoutes(ExchangeCalls exchanges)
{
    /// <summary>The largest body: another body of 64 KB in base 64, and what is around it.</summary>
    private const int MostBytes = 128 * 1024;

    private static readonly ApiParameter Pipe = new("name", "string", "The pipe's hostname, or its label under the server's domain.", IsInPath: true);
    private static readonly ApiParameter Id = new("id", "string", "The exchange's id.", IsInPath: true);

    public ApiRoute[] All { get; } =
    [
        new("GET", "/pipes/{name}/exchanges", "listExchanges", "The last exchanges of a public pipe that keeps them, oldest first; of the acting client's, or of one whose owner it may administer.", typeof(ListExchangesResponse))
        {
            Parameters = [Pipe, new("last", "integer", "At most this many, 1 to 1,000; absent: 50.")],
            Handle = call => PageAsync(call, () => exchanges.ListAsync(call.Acting, new() { Pipe = call.Path("name"), Last = call.Count("last") }, call.Aborted)),
        },
        new("GET", "/pipes/{name}/exchanges/{id}", "readExchange", "Everything that is kept of one exchange; nothing where it is a replay that has not ended yet.", typeof(ReadExchangeResponse))
        {
            Parameters = [Pipe, Id],
            Handle = call => PageAsync(call, () => exchanges.ReadAsync(call.Acting, new() { Pipe = call.Path("name"), Id = call.Path("id") }, call.Aborted)),
        },
        new("POST", "/pipes/{name}/exchanges/{id}/replay", "replayExchange", "Sends the request of an exchange again, as it was or changed, through the same gates; what comes of it is an exchange of its own. Answered when it has begun.", typeof(ReplayExchangeResponse))
        {
            Parameters = [Pipe, Id],
            Takes = typeof(ApiReplay),
            Handle = async call =>
            {
                var changes = await call.ReadAsync<ApiReplay>(MostBytes);
                return await exchanges.ReplayAsync(
                    call.Acting,
                    new() { Pipe = call.Path("name"), Id = call.Path("id"), Method = changes.Method, Target = changes.Target, Headers = changes.Headers, Text = changes.Text, Bytes = changes.Bytes },
                    CancellationToken.None);
            },
        },
    ];

    private static async Task<Answer> PageAsync<TAnswer>(ApiCall call, Func<Task<TAnswer>> read)
        where TAnswer : Answer
    {
        call.TakePage();
        return await read();
    }
}
