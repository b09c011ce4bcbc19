using System.Collections.Concurrent;
using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Duplexity.Testing;
using FluentAssertions;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Duplexity.Server.Tests.Hubs;

/// <summary>What a client changes on the control connection is changed whole, even if the client has gone by then.</summary>
public sealed class WholeTests
{
    [Fact]
    [Trait("Guarantee", "G8")]
    [Trait("Guarantee", "G24")]
    public async Task No_change_that_is_kept_ends_in_the_middle_because_its_connection_ends()
    {
        var records = new NotingRecords(new MemoryRecords(TimeProvider.System));
        await using var node = await TestNode.StartAsync(s =>
        {
            s.Settings["Duplexity:Data"] = "data";
            s.Services = services => services.AddSingleton<IRecords>(records);
        });
        await using var root = await StockSocket.DiscoveredAsync(node, "root", ("role", "admin"));

        await DoneAsync<RoomResponse>("CreateRoom", new CreateRoomRequest { Name = "plan" });
        await DoneAsync<RoomResponse>("ChangeRoom", new ChangeRoomRequest { Name = "plan", Policy = new() { Join = ["owner"] } });
        await DoneAsync<Done>("RemoveRoom", new RemoveRoomRequest { Name = "plan" });
        await DoneAsync<SetFeedResponse>("SetFeed", new SetFeedRequest { Followers = ["client:ben"] });
        await DoneAsync<Done>("CreateLockspace", new CreateLockspaceRequest { Name = "exam", Hold = true });
        await DoneAsync<HeldResponse>("Admit", new AdmitRequest { Lockspace = "exam", Client = "ben" });
        await DoneAsync<Done>("RemoveLockspace", new RemoveLockspaceRequest { Name = "exam" });
        await DoneAsync<MessagePipesResponse>("SetMessagePipes", new SetMessagePipesRequest { Pipes = [new() { Id = "p", From = "room:a", To = ["room:b"] }] });
        await DoneAsync<Done>("RemoveMessagePipes", new RemoveMessagePipesRequest { Ids = ["p"] });
        await DoneAsync<RevokeResponse>("Revoke", new RevokeRequest { Client = "ben" });
        await DoneAsync<RevokeResponse>("Disable", new DisableRequest { Client = "ben" });
        await DoneAsync<RevokeResponse>("RemoveClient", new RemoveClientRequest { Client = "ben" });

        records.Changes.Select(c => c.Kind).Should().Contain(["room", "feed", "lockspace", "message-pipes", "revoked-client", "tombstone"]);
        records.Changes.Where(c => c.CanEnd).Should().BeEmpty("whoever asks and goes would leave half of it: a room that is nobody's, a revocation that is in force nowhere");

        async Task DoneAsync<T>(string method, Request request)
            where T : Answer => (await root.InvokeAsync<T>(method, request)).Error.Should().BeNull(method);
    }

    /// <summary>Records that note which changes their caller could end in the middle.</summary>
    private sealed class NotingRecords(IRecords inner) : IRecords
    {
        public ConcurrentQueue<(string Kind, bool CanEnd)> Changes { get; } = new();

        public bool IsDurable => inner.IsDurable;

        public ValueTask<bool> TryAddAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => Note(kind, ct).TryAddAsync(kind, key, value, expiresAt, ct);

        public ValueTask PutAsync(string kind, string key, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => Note(kind, ct).PutAsync(kind, key, value, expiresAt, ct);

        public ValueTask<bool> TryReplaceAsync(string kind, string key, string expected, string value, DateTimeOffset? expiresAt = null, CancellationToken ct = default) => Note(kind, ct).TryReplaceAsync(kind, key, expected, value, expiresAt, ct);

        public ValueTask<string?> ReadAsync(string kind, string key, CancellationToken ct = default) => inner.ReadAsync(kind, key, ct);

        public ValueTask<string?> TakeAsync(string kind, string key, CancellationToken ct = default) => Note(kind, ct).TakeAsync(kind, key, ct);

        public ValueTask<IReadOnlyList<KeyValuePair<string, string>>> ListAsync(string kind, CancellationToken ct = default) => inner.ListAsync(kind, ct);

        private IRecords Note(string kind, CancellationToken ct)
        {
            Changes.Enqueue((kind, ct.CanBeCanceled));
            return inner;
        }
    }
}
