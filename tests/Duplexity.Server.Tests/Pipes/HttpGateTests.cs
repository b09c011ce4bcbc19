using System.Collections.Concurrent;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Duplexity.Protocol;
using Duplexity.Server.Pipes;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Duplexity.Server.Tests.Pipes;

/// <summary>Gates in any language: a real listener that is asked over HTTP.</summary>
public sealed class HttpGateTests : IAsyncLifetime
{
    private const string Secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";

    private readonly ConcurrentQueue<(JsonElement Body, Dictionary<string, string> Headers, string Raw)> _asked = new();
    private readonly ConcurrentDictionary<string, string> _answers = new();
    private readonly TaskCompletionSource _never = new();
    private WebApplication _app = null!;

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapPost("/gate", async context =>
        {
            using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
            var raw = await reader.ReadToEndAsync();
            var body = JsonDocument.Parse(raw).RootElement;
            _asked.Enqueue((body, context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString()), raw));
            await context.Response.WriteAsync(_answers.GetValueOrDefault(body.GetProperty("target").GetString()!, """{"result":"pass"}"""));
        });
        _app.MapPost("/status", context =>
        {
            context.Response.StatusCode = 500;
            return context.Response.WriteAsync("""{"result":"pass"}""");
        });
        _app.MapPost("/moved", context =>
        {
            context.Response.Redirect("/gate", permanent: false, preserveMethod: true);
            return Task.CompletedTask;
        });
        _app.MapPost("/never", _ => _never.Task);
        _app.MapPost("/large", context => context.Response.WriteAsync($$"""{"result":"pass","reason":"{{new string('x', 300_000)}}"}"""));
        await _app.StartAsync();
    }

    public async Task DisposeAsync()
    {
        _never.TrySetResult();
        await _app.DisposeAsync();
    }

    [Fact]
    [Trait("Requirement", "1.20")]
    [Trait("Requirement", "1.30")]
    public async Task It_is_told_who_wants_to_send_what_where_with_a_signature_over_time_and_body()
    {
        var rig = Rig("/gate");
        var amy = PipeRig.As("amy", "1001") with { Principal = new ClaimsPrincipal(new ClaimsIdentity([new("board", "7"), new("board", "8")])), IssuedAt = DateTimeOffset.FromUnixTimeSeconds(1_000_000) };

        (await SendAsync(rig, amy, "room:r")).Error.Should().BeNull();

        _asked.TryDequeue(out var asked).Should().BeTrue();
        var body = asked.Body;
        (Text("step"), Text("operation"), Text("client"), Text("socket"), Text("target")).Should().Be(("entry", "send", "amy", "1001", "room:r"));
        body.GetProperty("message").GetProperty("text").GetString().Should().Be("hi");
        body.GetProperty("claims").GetProperty("board").EnumerateArray().Select(v => v.GetString()).Should().Equal("7", "8");
        body.GetProperty("issuedAt").GetInt64().Should().Be(1_000_000_000);
        var signed = Encoding.UTF8.GetBytes($"{asked.Headers["webhook-id"]}.{asked.Headers["webhook-timestamp"]}.{asked.Raw}");
        asked.Headers["webhook-signature"].Should().Be("v1," + Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(Secret[6..]), signed)));
        asked.Headers["webhook-timestamp"].Should().Be($"{rig.Time.GetUtcNow().ToUnixTimeSeconds()}");

        string? Text(string name) => body.GetProperty(name).GetString();
    }

    [Fact]
    [Trait("Requirement", "1.20")]
    public async Task It_refuses_changes_redirects_and_holds_as_any_other_gate()
    {
        var rig = Rig("/gate");
        var amy = new FakeEnd("amy");
        _answers["room:no"] = """{"result":"refuse","reason":"Not on Sundays."}""";
        _answers["room:loud"] = """{"result":"change","message":{"text":"HI","headers":{"by":"gate"}}}""";
        _answers["room:front"] = """{"result":"redirect","to":["room:back"]}""";
        _answers["room:held"] = """{"result":"hold","challenge":{"kind":"key","sentence":"Which key?","data":{"hint":"42"}}}""";
        var (loud, back) = (await rig.ListenAsync("room:loud", "ben"), await rig.ListenAsync("room:back", "ben"));

        var refused = await SendAsync(rig, amy.Sender(), "room:no");
        await SendAsync(rig, amy.Sender(), "room:loud");
        await SendAsync(rig, amy.Sender(), "room:front");
        var held = await SendAsync(rig, amy.Sender(), "room:held");

        (refused.Error!.Name, refused.Error.Gate, refused.Error.Sentence).Should().Be(("gate_refused", "law", "Not on Sundays."));
        var changed = await loud.NextAsync();
        (changed.Message.Text, changed.Message.Headers!["by"]).Should().Be(("HI", "gate"));
        (await back.TextsAsync(1)).Should().Equal("hi");
        held.Level.Should().Be("held");
        var asked = await amy.ChallengeAsync();
        (asked.Sentence, asked.Data!["hint"]).Should().Be(("Which key?", "42"));

        _answers["room:held"] = """{"result":"pass"}""";
        rig.Answers.Find(amy.Line, "amy", asked.Id, out var challenge).Should().BeNull();
        (await rig.Answers.GiveAsync(amy.Line, challenge, "sesame").Soon()).Should().BeNull();
        _asked.Last().Body.GetProperty("answer").GetProperty("value").GetString().Should().Be("sesame");
    }

    [Fact]
    [Trait("Requirement", "1.20")]
    public async Task An_answer_is_kept_as_long_as_it_says_for_the_same_token_target_and_operation_alone()
    {
        var rig = Rig("/gate");
        _answers["room:r"] = """{"result":"pass","cacheSeconds":30}""";
        var principal = new ClaimsPrincipal();
        var amy = PipeRig.As("amy") with { Principal = principal };
        await SendAsync(rig, amy, "room:r");
        _answers["room:r"] = """{"result":"refuse","reason":"no","cacheSeconds":30}""";

        (await SendAsync(rig, amy, "room:r")).Error.Should().BeNull();
        _asked.Should().HaveCount(1);
        (await SendAsync(rig, amy with { Principal = new ClaimsPrincipal() }, "room:r")).Error!.Name.Should().Be("gate_refused", "another token may have other claims");
        (await rig.Listeners.CheckAsync(amy, Address.Room("r"), Operation.Join))!.Name.Should().Be("gate_refused");
        rig.Time.Advance(TimeSpan.FromSeconds(31));
        (await SendAsync(rig, amy, "room:r")).Error!.Name.Should().Be("gate_refused");
        _asked.Should().HaveCount(4);
    }

    [Theory]
    [InlineData("/status")]
    [InlineData("/moved")]
    [InlineData("/large")]
    [InlineData("/nothing-there")]
    [Trait("Requirement", "1.23")]
    public async Task What_is_no_readable_answer_of_the_right_size_refuses(string path)
    {
        var answer = await SendAsync(Rig(path), PipeRig.As("amy"), "room:r");

        (answer.Error!.Name, answer.Error.Gate, answer.Error.Sentence).Should().Be(("unavailable", "law", "The gate law failed; try again."));
        _asked.Should().BeEmpty("redirects are not followed");
    }

    [Theory]
    [InlineData("")]
    [InlineData("pass")]
    [InlineData("""{"result":"maybe"}""")]
    [InlineData("""{"result":"redirect","to":["nowhere"]}""")]
    [InlineData("""{"result":"change"}""")]
    public async Task An_answer_that_says_nothing_refuses(string text)
    {
        _answers["room:r"] = text;

        (await SendAsync(Rig("/gate"), PipeRig.As("amy"), "room:r")).Error!.Name.Should().Be("unavailable");
    }

    [Fact]
    public async Task One_that_does_not_answer_in_time_refuses()
    {
        var rig = Rig("/never");
        var send = rig.Machine.SendAsync(PipeRig.As("amy"), PipeRig.Text("hi", "room:r")).AsTask();

        rig.Time.Advance(TimeSpan.FromSeconds(2));

        (await send.Soon()).Error!.Sentence.Should().Be("The gate law did not answer in time; try again.");
    }

    [Fact]
    [Trait("Requirement", "1.30")]
    public async Task The_gate_in_python_of_the_readme_judges_by_signature_and_role()
    {
        var readme = await File.ReadAllTextAsync(Path.Combine(ProcessTools.Root, "README.md"));
        var port = FreePorts.One();
        var script = Regex.Match(readme, "```python\n(.*?)```", RegexOptions.Singleline).Groups[1].Value.Replace("8081", $"{port}", StringComparison.Ordinal);
        await using var law = RealProcess.Start("python3", ["-c", script], [("SECRET", Secret)]);
        await law.LineAsync("listening");
        PipeRig[] rigs = [Rig(Secret), Rig("whsec_YW5vdGhlciBzZWNyZXQgb2Ygb25l")];
        foreach (var rig in rigs)
        {
            // It compares the time, and the rig's clock stands in the past.
            rig.Time.SetUtcNow(DateTimeOffset.UtcNow);
        }

        var lawyer = PipeRig.As("amy") with { Principal = new ClaimsPrincipal(new ClaimsIdentity([new("role", "lawyer")])) };
        (await SendAsync(rigs[0], lawyer, "room:legal-1")).Error.Should().BeNull();
        (await SendAsync(rigs[0], PipeRig.As("ben"), "room:legal-1")).Error!.Sentence.Should().Be("Lawyers only.");
        (await SendAsync(rigs[1], lawyer, "room:legal-1")).Error!.Name.Should().Be("unavailable", "the signature is of another secret");

        PipeRig Rig(string secret) => new([], [], o => o.Gates["law"] = new() { Pattern = "room:legal-*", Address = $"http://127.0.0.1:{port}/", Secret = secret });
    }

    [Theory]
    [InlineData("", "room:*", "http://localhost/", Secret, "Step")]
    [InlineData(null, null, "http://localhost/", Secret, "Pattern")]
    [InlineData(null, "room:*", "localhost", Secret, "Address")]
    [InlineData(null, "room:*", "http://user:password@localhost/", Secret, "Address")]
    [InlineData(null, "room:*", "http://localhost/", "short", "Secret")]
    [InlineData(null, "room:*", "http://localhost/", "whsec_no base64", "Secret")]
    public void A_node_does_not_start_with_a_gate_that_cannot_be(string? atEgress, string? pattern, string address, string secret, string named)
    {
        var options = new DuplexityOptions();
        options.Gates["law"] = new() { Step = atEgress is null ? Step.Entry : Step.Egress, Pattern = pattern, Address = address, Secret = secret };

        new GateOptionsCheck().Validate(null, options).FailureMessage.Should().Contain($"Duplexity:Gates:law:{named}");
    }

    private static Task<SendResponse> SendAsync(PipeRig rig, Sender sender, string to) => rig.Machine.SendAsync(sender, PipeRig.Text("hi", to)).AsTask().Soon();

    private PipeRig Rig(string path) => new([], [], o => o.Gates["law"] = new() { Pattern = "room:*", Address = _app.Urls.First() + path, Secret = Secret });
}
