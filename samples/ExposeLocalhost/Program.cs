using Duplexity;

// dotnet run --project samples/ExposeLocalhost -- [NAME]       (then: curl http://NAME.localhost:5080/)
var builder = WebApplication.CreateBuilder(new WebApplicationOptions { EnvironmentName = Environments.Development });

// An ordinary web application, on a loopback port that nobody but this machine can reach …
builder.WebHost.UseUrls("http://127.0.0.1:0");

// … and its public name, for as long as it runs: the log says which.
builder.AddDuplexityPipe(args is [var name, ..] ? name : "hello");

var app = builder.Build();
app.MapGet("/", (HttpRequest request) => $"Hello from {Environment.MachineName}; you opened {request.Scheme}://{request.Host}{request.Path}.\n");
app.MapPost("/echo", (HttpRequest request) => Results.Stream(request.Body, request.ContentType));
app.Run();
