using Duplexity.Protocol;
using Duplexity.Server.Hubs;

namespace Duplexity.Server.Api;

/// <summary>Public names that clients keep for themselves: what the control hub does, asked by HTTP.</summary>
internal sealed class NameRoutes(NameCalls names)
{
    public ApiRoute[] All { get; } =
    [
        new("GET", "/names", "listNames", "The public names that the acting client, or one that it may administer, has reserved, those that rest since their release included.", typeof(NamesResponse))
        {
            Parameters = [new("client", "string", "Whose: a CID, or `*` for all, for an administrator; absent: the acting client's own.")],
            Handle = call => Task.FromResult<Answer>(names.List(call.Acting, new ListNamesRequest { Client = call.Query("client") })),
        },
        new("POST", "/names", "reserveName", "Reserves a public name for the acting client, with all below it, whether a program serves it or not. The client's own already is no error.", typeof(NamesResponse))
        {
            Takes = typeof(ReserveNameRequest), Needs = ["name"], Handle = async call => await names.ReserveAsync(call.Acting, await call.ReadAsync<ReserveNameRequest>(), CancellationToken.None),
        },
        new("DELETE", "/names/{name}", "releaseName", "Lets go of a name of the acting client, or of whom it may administer. It rests before another client may have it.", typeof(Done))
        {
            Parameters = [new("name", "string", "The name, as it was reserved.", IsInPath: true)], Handle = ReleaseAsync(names),
        },
    ];

    private static Func<ApiCall, Task<Answer>> ReleaseAsync(NameCalls names) => async call =>
    {
        await call.ReadNothingAsync();
        return await names.ReleaseAsync(call.Acting, new ReleaseNameRequest { Name = call.Path("name") }, CancellationToken.None);
    };
}
