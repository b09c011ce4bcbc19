using Duplexity;

// dotnet run --project samples/ExposeLocalhost -- [NAME]       (then: curl http://NAME.localhost:5080/)
var name = args is [var wanted, ..] ? wanted : "hello";
var server = new Uri(Environment.GetEnvironmentVariable("DUPLEXITY_SERVER") ?? "http://localhost:5080");
var owner = Environment.GetEnvironmentVariable("DUPLEXITY_AS") ?? Environment.UserName;
var token = Environment.GetEnvironmentVariable("DUPLEXITY_TOKEN") is { Length: > 0 } ready
    ? _ => ValueTask.FromResult<string?>(ready)
    : DevelopmentToken.For(server, owner);

// An ordinary web application, on a loopback port that nobody but this machine can reach.
var builder = WebApplication.CreateBuilder();
builder.WebHost.UseUrls("http://127.0.0.1:0");
builder.Logging.SetMinimumLevel(LogLevel.Warning);
await using var app = builder.Build();
app.MapGet("/", (HttpRequest request) => $"Hello from {Environment.MachineName}; you opened {request.Host}{request.Path}.\n");
app.MapPost("/echo", (HttpRequest request) => Results.Stream(request.Body, request.ContentType));
await app.StartAsync();

// And its public name, for as long as this connection lives.
try
{
    await using var connection = new DuplexityConnection(server, new DuplexityConnectionOptions { Token = token });
    await connection.ConnectAsync();
    await using var pipe = await connection.Pipes.OpenAsync(name, app.Urls.Single(), new PipeOptions { Exchanges = true });
    Console.WriteLine($"ready {pipe.Url}");

    _ = connection.Closed.ContinueWith(_ => app.Lifetime.StopApplication(), TaskScheduler.Default);
    _ = pipe.Closed.ContinueWith(_ => app.Lifetime.StopApplication(), TaskScheduler.Default);
    await foreach (var visit in pipe.Exchanges.WithCancellation(app.Lifetime.ApplicationStopping))
    {
        // A visitor chose this path: VisibleText keeps it on one line and out of the terminal's controls.
        Console.WriteLine(VisibleText.Of($"{visit.At:HH:mm:ss} {visit.Method} {visit.Target} {visit.Status} {visit.Duration.TotalMilliseconds:0} ms"));
    }

    return 0;
}
catch (OperationCanceledException)
{
    return 0;
}
catch (DuplexityException e)
{
    Console.Error.WriteLine(VisibleText.Of(e.Message));
    return 1;
}
