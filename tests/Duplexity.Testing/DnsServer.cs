using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Duplexity.Testing;

/// <summary>A DNS server on a loopback port that knows TXT records and nothing else: a real socket and real datagrams, for whoever asks by UDP.</summary>
public sealed class DnsServer : IDisposable
{
    private const int HeaderLength = 12;
    private const int TextType = 16;

    private static readonly Lazy<DnsServer> Nothing = new(() => new DnsServer());

    private readonly UdpClient _udp = new(new IPEndPoint(IPAddress.Loopback, 0));
    private readonly ConcurrentDictionary<string, string[]> _texts = new(StringComparer.OrdinalIgnoreCase);
    private int _asked;

    /// <summary>Starts it.</summary>
    public DnsServer() => _ = ServeAsync();

    /// <summary>One for all tests that knows no name: no test asks the DNS of the machine.</summary>
    public static string Empty => Nothing.Value.Address;

    /// <summary>What <c>Duplexity:Pipes:Resolver</c> is to say.</summary>
    public string Address => _udp.Client.LocalEndPoint!.ToString()!;

    /// <summary>Whether it answers that it cannot answer.</summary>
    public bool IsBroken { get; set; }

    /// <summary>How many questions came.</summary>
    public int Asked => Volatile.Read(ref _asked);

    /// <summary>Sets the TXT records of a name; none: the name is not there.</summary>
    public void Set(string name, params string[] texts) => _texts[name] = texts;

    /// <inheritdoc/>
    public void Dispose() => _udp.Dispose();

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                var question = await _udp.ReceiveAsync();
                Interlocked.Increment(ref _asked);
                await _udp.SendAsync(Answer(question.Buffer), question.RemoteEndPoint);
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or SocketException)
        {
            // It is over.
        }
    }

    private byte[] Answer(byte[] question)
    {
        var labels = new List<string>();
        var at = HeaderLength;
        for (int length; (length = question[at]) > 0; at += length + 1)
        {
            labels.Add(Encoding.ASCII.GetString(question, at + 1, length));
        }

        var end = at + 5; // the root, a type and a class
        var isText = BinaryPrimitives.ReadUInt16BigEndian(question.AsSpan(at + 1)) == TextType;
        var texts = isText ? _texts.GetValueOrDefault(string.Join('.', labels)) : null;
        using var answer = new MemoryStream();
        answer.Write(question, 0, 2);
        answer.WriteByte(0x81);
        answer.WriteByte((byte)(0x80 | (IsBroken ? 2 : texts is { Length: > 0 } ? 0 : 3)));
        answer.Write([0, 1, 0, (byte)(IsBroken ? 0 : texts?.Length ?? 0), 0, 0, 0, 0]);
        answer.Write(question, HeaderLength, end - HeaderLength);
        foreach (var text in IsBroken ? [] : texts ?? [])
        {
            answer.Write([0xC0, HeaderLength, 0, TextType, 0, 1, 0, 0, 0, 0, 0, (byte)(text.Length + 1), (byte)text.Length]);
            answer.Write(Encoding.ASCII.GetBytes(text));
        }

        return answer.ToArray();
    }
}
