using System.Text;
using CsCheck;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Protocol;

public sealed class AddressTests
{
    // é as one character and as two, a character outside the first plane, and the plain ones.
    private static readonly Gen<string> Names = Gen.OneOf("a", "B", "7", "-", "/", ".", "é", "e\u0301", "😀", "中", "*").Array[1, 24].Select(string.Concat);

    private static readonly Gen<AddressKind> Kinds = Gen.OneOf(
        AddressKind.Socket, AddressKind.Client, AddressKind.Feed, AddressKind.Room, AddressKind.Lockspace, AddressKind.Service);

    [Theory]
    [Trait("Requirement", "1.1")]
    [InlineData("socket:x7", AddressKind.Socket, "x7")]
    [InlineData("client:AMY", AddressKind.Client, "AMY")]
    [InlineData("feed:AMY", AddressKind.Feed, "AMY")]
    [InlineData("room:lobby", AddressKind.Room, "lobby")]
    [InlineData("lockspace:board", AddressKind.Lockspace, "board")]
    [InlineData("service:entry", AddressKind.Service, "entry")]
    [InlineData("room:a:b", AddressKind.Room, "a:b")]
    [InlineData("client:service:mailer", AddressKind.Client, "service:mailer")]
    public void Each_kind_is_read_by_its_word_and_the_name_is_all_behind_the_first_colon(string text, AddressKind kind, string name)
    {
        var address = Address.Parse(text);

        address.Kind.Should().Be(kind);
        address.Name.Should().Be(name);
        address.ToString().Should().Be(text);
    }

    [Fact]
    [Trait("Requirement", "1.1")]
    public void The_same_text_as_socket_client_and_room_is_three_addresses()
    {
        new[] { Address.Socket("x"), Address.Client("x"), Address.Room("x"), Address.Feed("x"), Address.Lockspace("x"), Address.Service("x") }.Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public void The_kind_is_written_in_any_case_and_kept_in_lower_case_while_the_name_keeps_its_own()
    {
        Address.Parse("ROOM:Team").ToString().Should().Be("room:Team");
        Address.Parse("room:Team").Should().NotBe(Address.Parse("room:team"));
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    public void Names_that_look_the_same_by_composition_are_one_address_in_normal_form_C()
    {
        var address = Address.Parse("room:cafe\u0301");

        address.Name.Should().Be("caf\u00e9");
        address.Should().Be(Address.Room("caf\u00e9"));
        address.GetHashCode().Should().Be(Address.Room("caf\u00e9").GetHashCode());
    }

    [Theory]
    [InlineData(null, "*empty*room:lobby*")]
    [InlineData("", "*empty*room:lobby*")]
    [InlineData("lobby", "*\"lobby\"*no kind*room:lobby*")]
    [InlineData("romo:lobby", "*\"romo\"*not a kind*room*")]
    [InlineData(":lobby", "*not a kind*")]
    [InlineData("room:", "*room:*no name*")]
    [InlineData("room:a b", "*room*U+0020*white space*")]
    [InlineData("room:a\u00a0b", "*U+00A0*")]
    [InlineData("room:a\tb", "*U+0009*")]
    [InlineData("room:a\r\nb", "*U+000D*")]
    [InlineData("room:a\0b", "*U+0000*")]
    [InlineData("room:\u001b[31m", "*U+001B*")]
    [InlineData("room:a\u202eb", "*U+202E*")]
    [InlineData("room:a\u200bb", "*U+200B*")]
    [InlineData("room:a\ufeffb", "*U+FEFF*")]
    [InlineData("client:a:b", "*\"a:b\"*no colon*")]
    [InlineData("feed:service:", "*no colon*")]
    [InlineData("client:service:a:b", "*no colon*")]
    [Trait("Guarantee", "G19")]
    [Trait("Guarantee", "G25")]
    public void What_is_no_address_is_refused_with_a_sentence_that_says_why_and_drives_no_terminal(string? text, string sentence)
    {
        Address.TryRead(text, out var address, out var problem).Should().BeFalse();

        address.Should().Be(default(Address));
        problem.Should().Match(sentence).And.EndWith(".");
        problem.Should().NotMatchRegex(@"\p{C}");
        Address.TryParse(text, null, out _).Should().BeFalse();
        FluentActions.Invoking(() => Address.Parse(text!)).Should().Throw<FormatException>().WithMessage(problem);
    }

    [Fact]
    [Trait("Guarantee", "G19")]
    [Trait("Guarantee", "G25")]
    public void Broken_UTF_16_is_refused_and_throws_nothing()
    {
        // Not InlineData: the compiler would repair the text on its way into the attribute.
        foreach (var broken in new[] { "\ud800", "\udc00", "a\ud800b", "a\udfff", "\udc00\ud800" })
        {
            Address.TryRead($"room:{broken}", out _, out var problem).Should().BeFalse();
            problem.Should().Contain("U+FFFD");
            Address.TryRead(broken, out _, out problem).Should().BeFalse();
            problem!.IsNormalized().Should().BeTrue();
            Address.IsClientId(broken).Should().BeFalse();
        }
    }

    [Fact]
    [Trait("Guarantee", "G24")]
    public void An_address_has_at_most_255_bytes_of_UTF_8_and_a_client_128_characters()
    {
        Address.Room(new string('x', 250)).ToString().Should().HaveLength(255);
        FluentActions.Invoking(() => Address.Room(new string('x', 251))).Should().Throw<FormatException>().WithMessage("*255*256*");
        FluentActions.Invoking(() => Address.Room(new string('é', 126))).Should().Throw<FormatException>().WithMessage("*255*257*");
        Address.Client(new string('x', 128)).Name.Should().HaveLength(128);
        FluentActions.Invoking(() => Address.Client(new string('x', 129))).Should().Throw<FormatException>().WithMessage("*128*129*");
    }

    [Fact]
    public void A_long_bad_address_is_cut_in_the_sentence_about_it()
    {
        Address.TryRead(new string('x', 10_000), out _, out var problem);
        problem!.Length.Should().BeLessThan(400);
    }

    [Theory]
    [InlineData("AMY", true)]
    [InlineData("service:mailer", true)]
    [InlineData("auth0|12", true)]
    [InlineData(null, false)]
    [InlineData("", false)]
    [InlineData("a b", false)]
    [InlineData("a:b", false)]
    [InlineData("*", false)]
    [InlineData("a*", false)]
    [InlineData("service:", false)]
    [InlineData("cafe\u0301", false)]
    [Trait("Guarantee", "G19")]
    public void A_client_id_is_accepted_only_in_the_one_form_in_which_it_is_compared(string? client, bool accepted) => Address.IsClientId(client).Should().Be(accepted);

    [Fact]
    public void Reading_what_an_address_writes_gives_the_same_address()
    {
        Gen.Select(Kinds, Names).Sample((kind, name) =>
        {
            var written = $"{kind}:{name}";
            if (Address.TryRead(written, out var address, out _))
            {
                var text = address.ToString();
                Address.Parse(text).Should().Be(address);
                Address.Parse(text).ToString().Should().Be(text);
                text.IsNormalized(NormalizationForm.FormC).Should().BeTrue();
                Encoding.UTF8.GetByteCount(text).Should().BeLessThanOrEqualTo(Address.MaxBytes);
            }
        });
    }

    [Fact]
    public void No_text_at_all_makes_reading_an_address_throw()
    {
        Gen.String.Sample(text =>
        {
            var read = Address.TryRead($"room:{text}", out _, out var problem);
            read.Should().Be(problem is null);
            Address.IsClientId(text);
        });
    }

    [Fact]
    public void No_address_at_all_is_empty_text()
    {
        default(Address).Kind.Should().Be(AddressKind.None);
        default(Address).Name.Should().BeEmpty();
        default(Address).ToString().Should().BeEmpty();
    }
}
