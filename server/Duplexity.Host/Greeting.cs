using Duplexity.Server;

namespace Duplexity.Host;

/// <summary>What a person who started the service reads: where it is, and the next two lines to try.</summary>
internal static class Greeting
{
    public static void Print(WebApplication app, string command)
    {
        var address = app.Urls.FirstOrDefault() ?? "http://localhost:5080";
        Console.WriteLine($"Duplexity listens on {address}");
        if (app.Environment.IsDevelopment() && app.Services.GetService<IDuplexity>() is not null)
        {
            var server = address == "http://localhost:5080" ? "" : $" --server {address}";
            Console.WriteLine("Try, each in a terminal of its own:");
            Console.WriteLine($"  {command} --as amy{server} chat lobby");
            Console.WriteLine($"  {command} --as todd{server} up cat1=3000");
        }
    }
}
