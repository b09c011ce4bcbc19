using Microsoft.Data.Sqlite;

namespace Duplexity.Server.Engine;

/// <summary>What channels on disk have accepted from locks (G17) and cooked pipes (G20). For the writer alone, within its transaction.</summary>
internal sealed class SqliteMarks(SqliteConnection connection, LimitOptions limits, LogClock clock)
{
    private readonly SqliteStatement _token = new(connection, "SELECT token FROM tokens WHERE channel = $0 AND lock = $1");
    private readonly SqliteStatement _raiseToken = new(connection, "UPDATE tokens SET token = $2, used = $3 WHERE channel = $0 AND lock = $1");
    private readonly SqliteStatement _addToken = new(connection, "INSERT INTO tokens (channel, lock, token, used) VALUES ($0, $1, $2, $3)");
    private readonly SqliteStatement _trimTokens = new(
        connection, "DELETE FROM tokens WHERE channel = $0 AND lock IN (SELECT lock FROM tokens WHERE channel = $0 ORDER BY used DESC LIMIT -1 OFFSET $1)");

    private readonly SqliteStatement _places = new(connection, "SELECT places FROM sources WHERE channel = $0 AND edge = $1");
    private readonly SqliteStatement _raisePlaces = new(connection, "UPDATE sources SET places = $2, used = $3 WHERE channel = $0 AND edge = $1");
    private readonly SqliteStatement _addPlaces = new(connection, "INSERT INTO sources (channel, edge, places, used) VALUES ($0, $1, $2, $3)");
    private readonly SqliteStatement _trimPlaces = new(
        connection, "DELETE FROM sources WHERE channel = $0 AND edge IN (SELECT edge FROM sources WHERE channel = $0 ORDER BY used DESC LIMIT -1 OFFSET $1)");

    private readonly SqliteStatement _any = new(connection, "SELECT EXISTS (SELECT 1 FROM tokens WHERE channel = $0) OR EXISTS (SELECT 1 FROM sources WHERE channel = $0)");
    private readonly SqliteStatement _forgetTokens = new(connection, "DELETE FROM tokens WHERE channel = $0");
    private readonly SqliteStatement _forgetPlaces = new(connection, "DELETE FROM sources WHERE channel = $0");

    public bool IsStale(long channel, Fence fence) => _token.Scalar(channel, fence.Lock) is long highest && fence.Token < highest;

    public bool HasTaken(long channel, SourcePlace source) => TakenPlaces.Include(Taken(channel, source.Edge), source.Place);

    public void Raise(long channel, Fence? fence, SourcePlace? source)
    {
        if (fence is not null && _raiseToken.Run(channel, fence.Lock, fence.Token, clock.NextTick()) == 0)
        {
            _addToken.Run(channel, fence.Lock, fence.Token, clock.NextTick());
            _trimTokens.Run(channel, limits.LocksPerChannel);
        }

        if (source is not null)
        {
            var places = StoredBytes.Of(TakenPlaces.With(Taken(channel, source.Edge), source.Place));
            if (_raisePlaces.Run(channel, source.Edge, places, clock.NextTick()) == 0)
            {
                _addPlaces.Run(channel, source.Edge, places, clock.NextTick());
                _trimPlaces.Run(channel, limits.SourcesPerChannel);
            }
        }
    }

    public bool Any(long channel) => (long)_any.Scalar(channel)! != 0;

    public void Forget(long channel)
    {
        _forgetTokens.Run(channel);
        _forgetPlaces.Run(channel);
    }

    private Position[] Taken(long channel, string edge) => _places.Scalar(channel, edge) is byte[] bytes ? StoredBytes.Read<Position[]>(bytes) : [];
}
