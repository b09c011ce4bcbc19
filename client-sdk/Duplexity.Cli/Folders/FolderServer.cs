using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Duplexity.Cli.Folders;

/// <summary>
/// Serves the files of a folder, and nothing beside or behind it, at a Unix socket that this user alone can reach: index.html for a folder, no listings, ranges, ETags. The pipe dials the socket.
/// </summary>
internal sealed class FolderServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly DirectoryInfo _place;

    private FolderServer(WebApplication app, DirectoryInfo place, string resource) => (_app, _place, Resource) = (app, place, resource);

    /// <summary>What the pipe serves: the server is told the folder's last name, and not where it is.</summary>
    public string Resource { get; }

    /// <exception cref="UsageException">There is no such folder.</exception>
    public static async Task<FolderServer> StartAsync(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new UsageException($"There is no folder {folder}.");
        }

        var place = Directory.CreateTempSubdirectory("duplexity-"); // readable by this user only
        var socket = Path.Combine(place.FullName, "files.sock");
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = place.FullName });
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IHostLifetime, Quiet>(); // Ctrl+C is the command's
        builder.WebHost.ConfigureKestrel(k =>
        {
            k.AddServerHeader = false;
            k.ListenUnixSocket(socket);
        });
        var app = builder.Build();

        // The way here is the pipe's alone: its word on how the visitor came is what redirects are built from.
        var forwarded = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedProto };
        forwarded.KnownIPNetworks.Clear();
        forwarded.KnownProxies.Clear();
        app.UseForwardedHeaders(forwarded);

        var files = new FolderFiles(folder);
        app.UseDefaultFiles(new DefaultFilesOptions { FileProvider = files, DefaultFileNames = ["index.html"] });
        app.UseStaticFiles(new StaticFileOptions
        {
            FileProvider = files,
            ServeUnknownFileTypes = true,
            DefaultContentType = "application/octet-stream",
            OnPrepareResponse = file => file.Context.Response.Headers.XContentTypeOptions = "nosniff",
        });
        app.Run(async context =>
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            await context.Response.WriteAsync("There is no such file.\n");
        });
        await app.StartAsync();
        return new(app, place, $"folder:{NameOf(folder)}@{socket}");
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _place.Delete(recursive: true);
    }

    private static string NameOf(string folder)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        return string.Concat(name.Where(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')) is { Length: > 0 } plain ? plain : "files";
    }

    private sealed class Quiet : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
