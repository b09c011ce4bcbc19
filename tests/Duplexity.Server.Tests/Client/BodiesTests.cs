using Duplexity.Protocol;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Client;

public sealed class BodiesTests
{
    private static readonly DuplexityConnection Connection = new(new Uri("http://localhost"));

    public sealed record Move(int X);

    [Fact]
    public void A_reader_of_a_type_takes_the_bodies_of_that_type_only()
    {
        var text = Message(Body.Encode("hello", null));
        var bytes = Message(Body.Encode(new byte[] { 1 }, null));
        var json = Message(Body.Encode(new Move(3), null));

        Bodies.IsOf<string>(text).Should().BeTrue();
        Bodies.IsOf<string>(json).Should().BeFalse();
        Bodies.IsOf<byte[]>(bytes).Should().BeTrue();
        Bodies.IsOf<ReadOnlyMemory<byte>>(bytes).Should().BeTrue();
        Bodies.IsOf<byte[]>(text).Should().BeFalse();
        Bodies.IsOf<Move>(json).Should().BeTrue();
        Bodies.IsOf<Move>(text).Should().BeFalse();
        Bodies.Read<string>(text).Should().Be("hello");
        Bodies.Read<byte[]>(bytes).Should().Equal(1);
        Bodies.Read<Move>(json).Should().Be(new Move(3));
    }

    [Theory]
    [InlineData(WireFormat.MessagePack, 64_000, true)]
    [InlineData(WireFormat.MessagePack, 66_000, false)]
    [InlineData(WireFormat.Json, 48_000, true)]
    [InlineData(WireFormat.Json, 50_000, false)]
    public void What_would_make_the_server_close_the_connection_is_refused_before_it_is_sent(WireFormat format, int bytes, bool fits)
    {
        var check = FluentActions.Invoking(() => Bodies.CheckSize(new SendRequest { To = ["room:x"], Bytes = new byte[bytes] }, format));

        if (fits)
        {
            check.Should().NotThrow();
        }
        else
        {
            check.Should().Throw<DuplexityException>().Which.Code.Should().Be(Errors.MessageTooLarge.Code);
        }
    }

    private static Message Message((string? Text, byte[]? Bytes, string? ContentType, string? Type) body) => new(
        Connection,
        new DeliveredMessage { Text = body.Text, Bytes = body.Bytes, ContentType = body.ContentType, Type = body.Type },
        Address.Room("x"),
        "me");
}
