using Duplexity.Cli;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Cli;

public sealed class AddressesTests
{
    [Theory]
    [InlineData("lobby", "room:lobby")]
    [InlineData("room:lobby", "room:lobby")]
    [InlineData("client:amy", "client:amy")]
    [InlineData("FEED:amy", "feed:amy")]
    [InlineData("socket:x1", "socket:x1")]
    public void A_bare_word_is_a_room(string typed, string address)
    {
        Addresses.One(typed).ToString().Should().Be(address);
    }

    [Fact]
    public void A_list_has_each_address_once()
    {
        Addresses.List("lobby, client:amy,room:lobby,").Should().Equal(Address.Room("lobby"), Address.Client("amy"));
    }

    [Theory]
    [InlineData("")]
    [InlineData(",")]
    [InlineData("two words")]
    [InlineData("planet:mars")]
    [InlineData("client:")]
    public void What_is_no_address_is_a_usage_error(string typed)
    {
        FluentActions.Invoking(() => Addresses.List(typed)).Should().Throw<UsageException>();
    }
}
