namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>The first bytes of a body, copied as they stream past, as far as the node has room for them; and how many there were. Thread-safe.</summary>
internal sealed class BodyCapture(ExchangeRoom room, int most)
{
    private const int FirstBytes = 1024;

    private readonly Lock _lock = new();
    private byte[] _buffer = [];
    private int _kept;
    private bool _isCut;
    private bool _hasEnded;
    private bool _isOver;

    /// <summary>Bytes that passed.</summary>
    public long Passed { get; private set; }

    /// <summary>Bytes of the node's room that it has.</summary>
    public int Taken { get; private set; }

    /// <summary>How long the body will be, where it is known: then its room is taken at once.</summary>
    public long? Expected { get; init; }

    /// <summary>Whether the sender may still have had more to say when nobody listened any longer: then it is whole only once its end was seen.</summary>
    public bool NeedsEnd { get; init; }

    /// <summary>Its end has been seen.</summary>
    public void Ended()
    {
        lock (_lock)
        {
            _hasEnded = true;
        }
    }

    /// <summary>Bytes passed.</summary>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        lock (_lock)
        {
            // A copy may still run when the exchange is over: what it brings is nobody's.
            if (_isOver)
            {
                return;
            }

            Passed += bytes.Length;
            if (_isCut)
            {
                return;
            }

            var take = Math.Min(bytes.Length, most - _kept);
            if (_kept + take > _buffer.Length && !Grow(_kept + take))
            {
                take = _buffer.Length - _kept;
            }

            bytes[..take].CopyTo(_buffer.AsSpan(_kept));
            _kept += take;
            _isCut = take < bytes.Length;
        }
    }

    /// <summary>The exchange is over: what there is of the body, and whether it is all of it.</summary>
    public (ReadOnlyMemory<byte> Bytes, bool IsWhole) End()
    {
        lock (_lock)
        {
            _isOver = true;
            return (_buffer.AsMemory(0, _kept), !_isCut && (!NeedsEnd || _hasEnded || Passed == Expected));
        }
    }

    private bool Grow(int needed)
    {
        var size = Math.Min(most, Math.Max(needed, _buffer.Length == 0 ? (int)Math.Clamp(Expected ?? FirstBytes, 1, most) : 2 * _buffer.Length));
        if (!room.TryTake(size - _buffer.Length))
        {
            return false;
        }

        Taken += size - _buffer.Length;
        Array.Resize(ref _buffer, size);
        return true;
    }
}
