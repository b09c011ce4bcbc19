using MessagePack;
using MessagePack.Formatters;
using MessagePack.Resolvers;

namespace Duplexity.Server.Engine;

/// <summary>What a log on disk keeps as bytes: MessagePack arrays by key, in which members are only ever appended (see <see cref="StoredMessage"/>).</summary>
internal static class StoredBytes
{
    private static readonly MessagePackSerializerOptions Options = MessagePackSerializerOptions.Standard
        .WithResolver(CompositeResolver.Create([new AddressFormatter()], [StandardResolverAllowPrivate.Instance]));

    public static byte[] Of<T>(T value) => MessagePackSerializer.Serialize(value, Options);

    public static T Read<T>(byte[] bytes) => MessagePackSerializer.Deserialize<T>(bytes, Options);

    private sealed class AddressFormatter : IMessagePackFormatter<Address>
    {
        public void Serialize(ref MessagePackWriter writer, Address value, MessagePackSerializerOptions options) => writer.Write(value.ToString());

        public Address Deserialize(ref MessagePackReader reader, MessagePackSerializerOptions options) => Address.Parse(reader.ReadString()!);
    }
}
