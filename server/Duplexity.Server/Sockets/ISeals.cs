namespace Duplexity.Server.Sockets;

/// <summary>Seals bytes that are stored and must not be read there (G25). Thread-safe.</summary>
internal interface ISeals
{
    /// <summary>Seals bytes for one purpose.</summary>
    byte[] Seal(string purpose, byte[] bytes);

    /// <summary>Opens what was sealed for the same purpose; null where it was altered, is of another purpose, or its key is gone.</summary>
    byte[]? Open(string purpose, byte[] sealedBytes);
}
