using System.Security.Cryptography;
using Duplexity.EndToEnd.Tests.Real;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.EndToEnd.Tests.Pipes.Suites;

/// <summary>PostgreSQL's own programs against a database behind a TCP pipe, and behind a private one.</summary>
[Collection(nameof(SuiteCollection))]
[Trait("Requirement", "3.4")]
public sealed class PostgresTests(SuiteStage stage) : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("duplexity-psql-");
    private Postgres _postgres = null!;
    private int _port;

    public async Task InitializeAsync() => _postgres = await Postgres.StartAsync();

    public async Task DisposeAsync()
    {
        await _postgres.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Psql_reads_and_copies_some_MB_and_cancels_and_pgbench_loses_nothing()
    {
        _port = await stage.TcpAsync(_postgres.Port);
        await EverythingAsync();
    }

    [Fact]
    [Trait("Requirement", "2.22")]
    public async Task All_of_it_works_through_a_private_pipe_that_another_client_dials()
    {
        var up = stage.Service.Cli("todd", "up", "--private", $"db=localhost:{_postgres.Port}", "--visitors", "client:bob");
        await up.LineAsync("ready todd/db");
        _port = FreePorts.One();
        await stage.Service.Cli("bob", "dial", "todd/db", "--port", $"{_port}").LineAsync("ready localhost:");
        await EverythingAsync();
    }

    private async Task EverythingAsync()
    {
        const string Rows = "select i, md5(i::text), repeat('\u00e9', i % 60) from generate_series(1, 50000) i";
        await PsqlAsync(_postgres.Port, "--output", In("direct"), "--command", Rows);
        await PsqlAsync(_port, "--output", In("piped"), "--command", Rows);
        Hash("piped").Should().Be(Hash("direct"));
        new FileInfo(In("piped")).Length.Should().BeGreaterThan(4_000_000);

        await PsqlAsync(_port, "--command", "create table copied (i int, hash text, text text)", "--command", $"\\copy copied from '{In("piped")}' (delimiter '|')");
        await PsqlAsync(_postgres.Port, "--output", In("copied"), "--command", "select * from copied order by i");
        Hash("copied").Should().Be(Hash("direct"));

        await CancelAsync();
        await BenchAsync();
    }

    // Ctrl+C: psql says it by a connection of its own, which says one thing and is closed.
    private async Task CancelAsync()
    {
        await using var psql = stage.Service.Run(
            Postgres.Program("psql"), [.. Options(_port), "--command", "do $$ begin raise notice 'under way'; perform pg_sleep(600); end $$"]);
        await psql.LineAsync("under way");
        psql.SendInterrupt();
        (await psql.ExitAsync()).Should().Be(1);
        psql.Output.Should().Contain("canceling statement due to user request");
    }

    private async Task BenchAsync()
    {
        string[] where = ["--host", "localhost", "--port", $"{_port}", "--username", "postgres"];
        await stage.RunAsync(Postgres.Program("pgbench"), [.. where, "--initialize", "--quiet", "postgres"]);
        var bench = await stage.RunAsync(
            Postgres.Program("pgbench"), [.. where, "--client", "8", "--jobs", "2", "--transactions", "50", "--protocol", "prepared", "--no-vacuum", "postgres"]);
        bench.Should().Contain("number of transactions actually processed: 400/400").And.Contain("number of failed transactions: 0 ");
        (await PsqlAsync(_postgres.Port, "--command", "select count(*) = 400 and sum(delta) = (select sum(bbalance) from pgbench_branches) from pgbench_history")).Should().Be("t");
    }

    private Task<string> PsqlAsync(int port, params string[] arguments) => stage.RunAsync(Postgres.Program("psql"), [.. Options(port), .. arguments]);

    private static string[] Options(int port) =>
        ["--no-psqlrc", "--host", "localhost", "--port", $"{port}", "--username", "postgres", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "postgres"];

    private string In(string name) => Path.Combine(_folder.FullName, name);

    private string Hash(string name)
    {
        using var stream = File.OpenRead(In(name));
        return Convert.ToHexString(SHA256.HashData(stream));
    }
}
