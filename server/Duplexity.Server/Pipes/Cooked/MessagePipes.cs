using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Pipes.Cooked;

/// <summary>The pipes that clients configure: set, listed and removed here, on whichever node, and run by the one whose they are. Thread-safe.</summary>
internal sealed class MessagePipes(IEngine engine, PipeBook book, PipeRunners runners, PipeStore store, IPipeOwners owners, DuplexityOptions options)
{
    /// <summary>Changes of one pipe that it has not caught up with.</summary>
    private const int MostVersions = 16;

    /// <summary>What runs those of this node.</summary>
    public PipeRunners Runners => runners;

    /// <summary>Sets pipes of a client, all or none.</summary>
    public async Task<MessagePipesResponse> SetAsync(string owner, PipeGrant grant, MessagePipe[] pipes, CancellationToken ct)
    {
        foreach (var pipe in pipes)
        {
            if (PipeCheck.Problem(pipe, options.MessagePipes) is { } problem)
            {
                return new() { Error = Refuse(Errors.InvalidRequest, $"A message pipe cannot be: {problem}.") };
            }
        }

        var wanted = pipes.Select(p => p with { Id = p.Id ?? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)), State = null, Place = null, From = Address.Parse(p.From!).ToString() }).ToArray();
        if (wanted.DistinctBy(p => p.Id).Count() < wanted.Length)
        {
            return new() { Error = Refuse(Errors.InvalidRequest, "Two of these pipes have one id.") };
        }

        DuplexityError? refused = null;
        await book.ChangeAsync(
            owner,
            async there =>
            {
                var after = there;
                refused = TooMany(there, wanted);
                foreach (var pipe in wanted)
                {
                    if (refused is not null)
                    {
                        return null;
                    }

                    (after, refused) = await SetAsync(after, owner, grant, pipe, ct);
                }

                refused ??= TooLarge(after);
                return refused is null ? after : null;
            },
            ct);
        return refused is not null ? new() { Error = refused } : new() { Pipes = await ShowAsync(wanted.Select(w => book.Of(owner).FirstOrDefault(p => p.Id == w.Id)).OfType<PipeRecord>(), ct) };
    }

    /// <summary>The pipes of a client: the same on every node, but for how far those that others run have come since they wrote it down.</summary>
    public Task<MessagePipe[]> ListAsync(string owner, CancellationToken ct) => ShowAsync(book.Of(owner).OrderBy(p => p.Id, StringComparer.Ordinal), ct);

    /// <summary>Removes pipes of a client, all or none; null: all of its pipes.</summary>
    public async Task<DuplexityError?> RemoveAsync(string owner, string[]? ids, CancellationToken ct)
    {
        DuplexityError? refused = null;
        ImmutableArray<PipeRecord> gone = [];
        await book.ChangeAsync(
            owner,
            there =>
            {
                refused = ids?.FirstOrDefault(id => there.All(p => p.Id != id)) is { } unknown
                    ? DuplexityError.Of(Errors.UnknownDestination, $"This client has no message pipe {VisibleText.Of(unknown, 64)}.")
                    : null;
                gone = refused is null ? [.. there.Where(p => ids is null || ids.Contains(p.Id))] : [];
                return new(gone.IsEmpty ? null : there.RemoveRange(gone));
            },
            ct);
        foreach (var pipe in gone)
        {
            await store.ForgetProgressAsync(pipe.Edge, ct);
        }

        return refused;
    }

    private async ValueTask<(ImmutableArray<PipeRecord> After, DuplexityError? Refused)> SetAsync(ImmutableArray<PipeRecord> there, string owner, PipeGrant grant, MessagePipe pipe, CancellationToken ct)
    {
        var top = await engine.Log.TopAsync(Address.Parse(pipe.From!), ct);
        if (there.FirstOrDefault(p => p.Id == pipe.Id) is not { } old)
        {
            return (there.Add(new() { Edge = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), Owner = owner, Id = pipe.Id!, From = pipe.From!, Grant = grant, Versions = [new(top, pipe)] }), null);
        }

        if (old.From != pipe.From)
        {
            return (there, Refuse(Errors.InvalidRequest, $"The pipe {pipe.Id} reads another channel; remove it and add it anew."));
        }

        var versions = await VersionsAsync(old, ct);
        return versions.Count >= MostVersions
            ? (there, Refuse(Errors.Unavailable, $"The pipe {pipe.Id} has not come to its last {MostVersions} changes yet; try again."))
            : (there.Replace(old, old with { Grant = grant, Versions = [.. versions, new(top, pipe)] }), null);
    }

    /// <summary>The configurations that still matter: those that hold for something that the pipe has not come to, or would come to again after a crash.</summary>
    private async Task<IReadOnlyList<PipeVersion>> VersionsAsync(PipeRecord pipe, CancellationToken ct)
    {
        await (runners.Find(pipe)?.SaveAsync() ?? Task.CompletedTask);
        var place = PipeProgress.Of(pipe, await store.ReadProgressAsync(pipe.Edge, ct)).Place;
        return [.. pipe.Versions.Skip(Math.Max(0, pipe.Versions.ToList().FindLastIndex(v => v.Since.Offset <= place.Offset)))];
    }

    private DuplexityError? TooMany(ImmutableArray<PipeRecord> there, MessagePipe[] wanted) => there.Select(p => p.Id).Union(wanted.Select(p => p.Id!)).Count() <= options.MessagePipes.PerClient
        ? null
        : Refuse(Errors.TooManyPipes, $"A client has at most {options.MessagePipes.PerClient} message pipes; remove one first.") with { Limit = "message_pipes_per_client", Used = there.Length };

    private DuplexityError? TooLarge(ImmutableArray<PipeRecord> after) => Encoding.UTF8.GetByteCount(PipeStore.Write(after)) is var bytes && bytes <= options.MessagePipes.Bytes
        ? null
        : Refuse(Errors.TooManyPipes, $"All message pipes of a client together have at most {options.MessagePipes.Bytes} bytes; make some smaller, or remove one first.") with { Limit = "message_pipe_bytes", Used = bytes };

    private async Task<MessagePipe[]> ShowAsync(IEnumerable<PipeRecord> pipes, CancellationToken ct)
    {
        var shown = new List<MessagePipe>();
        foreach (var pipe in pipes)
        {
            var runner = runners.Find(pipe);
            var progress = runner?.Progress ?? PipeProgress.Of(pipe, await store.ReadProgressAsync(pipe.Edge, ct));
            shown.Add(pipe.Newest.Pipe with { State = runner is null && owners.Find(pipe.Owner, pipe.Grant) is null ? PipeState.Stopped : progress.State, Place = progress.Place });
        }

        return [.. shown];
    }

    private static DuplexityError Refuse((int Code, string Name) error, string sentence) => DuplexityError.Of(error, sentence);
}
