namespace Duplexity.Server.Sockets;

/// <summary>Seals what is kept and must not be read there. Thread-safe.</summary>
internal interface ISealing
{
    /// <summary>Seals text for one purpose.</summary>
    string Seal(string purpose, string text);

    /// <summary>Opens what was sealed for the same purpose; null where it was altered, is of another purpose, or its key is gone.</summary>
    string? Open(string purpose, string? sealedText);

    /// <summary>Seals bytes for one purpose.</summary>
    byte[] Seal(string purpose, byte[] bytes);

    /// <summary>Opens bytes that were sealed for the same purpose; null where they were altered, are of another purpose, or their key is gone.</summary>
    byte[]? Open(string purpose, byte[] sealedBytes);
}
