using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Duplexity.Server.Engine;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Server.Auth;

/// <summary>
/// The keys by which all nodes of a cluster seal: among the engine's records, so that any node opens what another sealed, and there under the cluster's key, so that who reads the records has none of them (G18). What the
/// cluster's former key sealed is sealed anew when it is read. The framework reads them at the start and once a day. Thread-safe.
/// </summary>
internal sealed class SharedKeyRing(IRecords records, ClusterOptions cluster) : IXmlRepository, IXmlEncryptor
{
    private const string Kind = "sealing-key";
    private const string Sealed = "sealed";

    private readonly byte[] _key = Derive(cluster.Key!);
    private readonly byte[]? _former = cluster.FormerKey is { Length: > 0 } former ? Derive(former) : null;

    public static IDataProtectionProvider Of(IRecords records, ClusterOptions cluster)
    {
        var ring = new SharedKeyRing(records, cluster);
        var services = new ServiceCollection();
        services.AddSingleton(ring);
        services.AddDataProtection().SetApplicationName("Duplexity");
        services.Configure<KeyManagementOptions>(o => (o.XmlRepository, o.XmlEncryptor) = (ring, ring));
        return services.BuildServiceProvider().GetRequiredService<IDataProtectionProvider>();
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<XElement> GetAllElements() => [.. records.ListAsync(Kind).AsTask().GetAwaiter().GetResult().Select(Read)];

    /// <inheritdoc/>
    public void StoreElement(XElement element, string friendlyName) => records.PutAsync(Kind, friendlyName, Text(element)).AsTask().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public EncryptedXmlInfo Encrypt(XElement plaintextElement) => new(new XElement(Sealed, Seal(Encoding.UTF8.GetBytes(Text(plaintextElement)))), typeof(SharedKeyOpener));

    /// <summary>What <see cref="Encrypt"/> sealed.</summary>
    /// <exception cref="CryptographicException">It was sealed with another cluster's key.</exception>
    public XElement Open(XElement encrypted)
    {
        var bytes = Convert.FromBase64String(encrypted.Value);
        return XElement.Parse(Encoding.UTF8.GetString(TryOpen(_key, bytes) ?? (_former is null ? null : TryOpen(_former, bytes))
            ?? throw new CryptographicException("A sealing key was sealed with another Duplexity:Cluster:Key.")));
    }

    private XElement Read(KeyValuePair<string, string> record)
    {
        var element = XElement.Parse(record.Value);
        if (_former is not null && element.Descendants(Sealed).FirstOrDefault() is { } encrypted
            && Convert.FromBase64String(encrypted.Value) is var bytes && TryOpen(_key, bytes) is null && TryOpen(_former, bytes) is { } plain)
        {
            encrypted.Value = Seal(plain);
            records.TryReplaceAsync(Kind, record.Key, record.Value, Text(element)).AsTask().GetAwaiter().GetResult();
        }

        return element;
    }

    private static byte[] Derive(string key) => HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(key), 32, info: "duplexity sealing keys"u8.ToArray());

    private static string Text(XElement element) => element.ToString(SaveOptions.DisableFormatting);

    private string Seal(ReadOnlySpan<byte> plain)
    {
        var bytes = new byte[AesGcm.NonceByteSizes.MaxSize + AesGcm.TagByteSizes.MaxSize + plain.Length];
        var (nonce, tag, text) = Parts(bytes);
        RandomNumberGenerator.Fill(nonce.Span);
        using var aes = new AesGcm(_key, tag.Length);
        aes.Encrypt(nonce.Span, plain, text.Span, tag.Span);
        return Convert.ToBase64String(bytes);
    }

    private static byte[]? TryOpen(byte[] key, byte[] bytes)
    {
        if (bytes.Length < AesGcm.NonceByteSizes.MaxSize + AesGcm.TagByteSizes.MaxSize)
        {
            return null;
        }

        var (nonce, tag, text) = Parts(bytes);
        var plain = new byte[text.Length];
        try
        {
            using var aes = new AesGcm(key, tag.Length);
            aes.Decrypt(nonce.Span, text.Span, tag.Span, plain);
            return plain;
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    private static (Memory<byte> Nonce, Memory<byte> Tag, Memory<byte> Text) Parts(byte[] bytes)
    {
        var (nonce, tag) = (AesGcm.NonceByteSizes.MaxSize, AesGcm.TagByteSizes.MaxSize);
        return (bytes.AsMemory(0, nonce), bytes.AsMemory(nonce, tag), bytes.AsMemory(nonce + tag));
    }
}

/// <summary>Opens what a <see cref="SharedKeyRing"/> sealed; the framework makes it, by the name that stands beside what was sealed.</summary>
internal sealed class SharedKeyOpener(IServiceProvider services) : IXmlDecryptor
{
    /// <inheritdoc/>
    public XElement Decrypt(XElement encryptedElement) => services.GetRequiredService<SharedKeyRing>().Open(encryptedElement);
}
