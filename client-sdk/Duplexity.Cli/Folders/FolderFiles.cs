using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.FileProviders.Physical;
using Microsoft.Extensions.Primitives;

namespace Duplexity.Cli.Folders;

/// <summary>The files of a folder that may be shown: none whose path has a part that begins with a dot, none that a link leads to outside the folder (G25). Lists nothing.</summary>
internal sealed class FolderFiles : IFileProvider
{
    // A chain of links longer than this is a loop.
    private const int MostLinks = 16;

    private readonly PhysicalFileProvider _files;
    private readonly string _root;

    public FolderFiles(string folder)
    {
        // The root may be reached by links itself; what is in it is judged by where it really is.
        _root = RealOf(Path.GetFullPath(folder)) ?? throw new UsageException($"There is no folder {folder}.");
        _files = new(_root, ExclusionFilters.Sensitive);
    }

    public IFileInfo GetFileInfo(string subpath) => Find(subpath) is { } real ? _files.GetFileInfo(real) : new NotFoundFileInfo(subpath);

    /// <summary>Exists where the folder does, so that its index.html is found, and is empty always.</summary>
    public IDirectoryContents GetDirectoryContents(string subpath) =>
        Find(subpath) is { } real && _files.GetDirectoryContents(real).Exists ? new Unlisted() : NotFoundDirectoryContents.Singleton;

    public IChangeToken Watch(string filter) => NullChangeToken.Singleton;

    /// <summary>Where in the folder a path really leads; null: nowhere that may be shown. A link's own length is not its file's, so what is opened is what it leads to.</summary>
    private string? Find(string subpath)
    {
        var parts = subpath.Split(['/', '\\'], StringSplitOptions.RemoveEmptyEntries);
        if (parts.Any(p => p.StartsWith('.') || p.Contains('\0')) || RealOf(Path.Combine([_root, .. parts])) is not { } real)
        {
            return null;
        }

        // What a link leads to is judged as if it had been asked for; outside begins with two dots.
        var within = Path.GetRelativePath(_root, real);
        return within == "." ? "" : within.Split(Path.DirectorySeparatorChar).Any(p => p.StartsWith('.')) ? null : within;
    }

    /// <summary>Where a path leads when every link on it is followed; null: nowhere.</summary>
    private static string? RealOf(string path)
    {
        var real = Path.GetPathRoot(path)!;
        var left = new Stack<string>(path[real.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse());
        var links = 0;
        while (left.TryPop(out var part))
        {
            var next = Path.GetFullPath(Path.Combine(real, part));
            FileSystemInfo there = Directory.Exists(next) ? new DirectoryInfo(next) : new FileInfo(next);
            if (there.LinkTarget is not { } target)
            {
                real = next;
                continue;
            }

            if (++links > MostLinks)
            {
                return null;
            }

            if (Path.IsPathRooted(target))
            {
                real = Path.GetPathRoot(target)!;
                target = target[real.Length..];
            }

            foreach (var step in target.Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse())
            {
                left.Push(step);
            }
        }

        return Path.Exists(real) ? real : null;
    }

    private sealed class Unlisted : IDirectoryContents
    {
        public bool Exists => true;

        public IEnumerator<IFileInfo> GetEnumerator() => Enumerable.Empty<IFileInfo>().GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
