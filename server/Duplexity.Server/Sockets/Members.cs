using System.Text;
using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Sockets;

/// <summary>A presence snapshot as it is told: each client once, with its sockets.</summary>
internal static class Members
{
    /// <summary>The most of one page, in bytes.</summary>
    private const int PageBytes = 1024 * 1024;

    /// <summary>What names and quotes of one entry add, at most.</summary>
    private const int Frame = 32;

    public static Member[] Of(PresenceSnapshot snapshot) =>
        [.. snapshot.Members.GroupBy(m => m.Client, (client, own) => new Member { Client = client, Sockets = [.. own.Select(m => m.SocketId)] })];

    /// <summary>Those behind a client, by name, as many as may be in a page; and behind whom the next page begins, null: there is none.</summary>
    public static (Member[] Page, string? Next) PageOf(PresenceSnapshot snapshot, string? after, int limit)
    {
        var bytes = 0;
        Member[] behind = [.. Of(snapshot).Where(m => after is null || string.CompareOrdinal(m.Client, after) > 0).OrderBy(m => m.Client, StringComparer.Ordinal)];
        var count = behind.Take(limit).TakeWhile(m => (bytes += SizeOf(m)) <= PageBytes).Count();
        return (behind[..count], count < behind.Length ? behind[count - 1].Client : null);
    }

    private static int SizeOf(Member member) => Frame + Encoding.UTF8.GetByteCount(member.Client) + member.Sockets.Sum(s => s.Length + 3);
}
