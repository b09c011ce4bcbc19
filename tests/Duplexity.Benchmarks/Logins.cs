using Duplexity.Server;
using Duplexity.Server.Auth;
using Duplexity.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Duplexity.Benchmarks;

/// <summary>What signing in costs the service (2.19): the whole flow at <c>/auth</c> with a provider in this process, and what every connection costs afterwards, a verification without anybody's help.</summary>
internal static class Logins
{
    private const int SignIns = 400;
    private const int AtOnce = 16;
    private const int Tokens = 500;
    private const int Verifications = 10_000;

    public static async Task RunAsync()
    {
        foreach (var isKept in (bool[])[false, true])
        {
            await using var provider = await TestProvider.StartAsync();
            await using var node = await SignInRig.StartAsync(provider, s =>
            {
                (s.LogLevel, s.Environment) = (LogLevel.Warning, "Production");
                s.Settings["Duplexity:Data"] = isKept ? "data" : "";
                s.Options = o => o.Limits.SignInsPerAddress = AtOnce * 2;
            });
            var took = await Conditions.RoundsAsync(5, () => Parallel.ForEachAsync(
                Enumerable.Range(0, SignIns), new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (i, _) => await SignInRig.SignInAsync(node, provider, $"person{i}")));
            Conditions.Say($"sign-ins: {Conditions.Rates(SignIns, took)}; {AtOnce} at once, link, provider, typed code, proof and tokens; records {(isKept ? "on disk" : "in memory")}");
        }

        await VerifyAsync();
    }

    private static async Task VerifyAsync()
    {
        await using var node = await TestNode.StartAsync(s => (s.LogLevel, s.Environment) = (LogLevel.Warning, "Production"));
        var reader = node.Services.GetRequiredService<TokenReader>();
        var own = node.Services.GetRequiredService<IDuplexity>();
        foreach (var (what, make) in new (string, Func<int, string>)[]
        {
            ("ES256, the service's own", i => own.CreateToken($"c{i}", TimeSpan.FromHours(1))),
            ("HS256, an application's", i => node.Token($"c{i}")),
        })
        {
            string[] tokens = [.. Enumerable.Range(0, Tokens).Select(make)];
            var took = await Conditions.RoundsAsync(5, async () =>
            {
                for (var i = 0; i < Verifications; i++)
                {
                    if (await reader.ReadAsync(tokens[i % Tokens]) is null)
                    {
                        throw new InvalidOperationException("A good token was refused.");
                    }
                }
            });
            Conditions.Say($"verifications: {Conditions.Rates(Verifications, took)} on one core; {what}, {Tokens} different tokens");
        }
    }
}
