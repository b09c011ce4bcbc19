using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Duplexity.Protocol;
using FluentAssertions;
using MessagePack;
using MessagePack.Resolvers;
using Xunit;

namespace Duplexity.Server.Tests.Protocol;

public sealed class WireTests
{
    private static readonly MessagePackSerializerOptions MessagePackOptions =
        MessagePackSerializerOptions.Standard.WithResolver(StandardResolver.Instance).WithSecurity(MessagePackSecurity.UntrustedData);

    private static readonly JsonSerializerOptions JsonOptions = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    private static readonly NullabilityInfoContext Nullability = new();

    public static TheoryData<string> Records { get; } = [.. WireRecords.All.Select(t => t.FullName!)];

    [Theory]
    [MemberData(nameof(Records))]
    [Trait("Requirement", "3.2")]
    public void A_record_comes_back_whole_from_MessagePack_and_is_an_array_by_position(string name)
    {
        var type = Type(name);
        var record = WireRecords.Filled(type);

        var bytes = MessagePackSerializer.Serialize(type, record, MessagePackOptions);

        var read = MessagePackSerializer.Deserialize(type, bytes, MessagePackOptions);
        Json(read!).Should().Be(Json(record));
        new MessagePackReader(bytes).ReadArrayHeader().Should().Be(WireRecords.Members(type).Length);
    }

    [Theory]
    [MemberData(nameof(Records))]
    [Trait("Requirement", "3.2")]
    public void A_record_comes_back_whole_from_JSON_with_names_in_camel_case_and_without_nulls(string name)
    {
        var type = Type(name);
        var record = WireRecords.Filled(type);

        var json = Json(record);

        Json(JsonSerializer.Deserialize(json, type, JsonOptions)!).Should().Be(json);
        var names = JsonDocument.Parse(json).RootElement.EnumerateObject().Select(p => p.Name);
        names.Should().BeEquivalentTo(WireRecords.Members(type).Select(m => WireRecords.JsonName(m!)), "no other member goes over the wire");
        names.Should().OnlyContain(n => Regex.IsMatch(n, "^[a-z][a-zA-Z]*$"));
        if (type != typeof(Position))
        {
            Json(Activator.CreateInstance(type)!).Should().NotContain("null");
        }
    }

    [Theory]
    [MemberData(nameof(Records))]
    public void A_shorter_array_of_an_older_version_is_read_with_the_rest_absent(string name)
    {
        var type = Type(name);
        if (type == typeof(Position))
        {
            return;
        }

        var read = MessagePackSerializer.Deserialize(type, new byte[] { 0x90 }, MessagePackOptions);

        Json(read!).Should().Be(Json(Activator.CreateInstance(type)!));
    }

    [Theory]
    [MemberData(nameof(Records))]
    public void Positions_run_from_0_without_a_hole(string name) => WireRecords.Members(Type(name)).Should().NotContainNulls();

    [Theory]
    [MemberData(nameof(Records))]
    public void No_member_is_an_enum_or_anything_that_JavaScript_cannot_hold(string name)
    {
        Type[] allowed = [typeof(string), typeof(int), typeof(long), typeof(double), typeof(bool), typeof(byte[]), typeof(Dictionary<string, string>)];
        foreach (var member in WireRecords.Members(Type(name)))
        {
            var type = Nullable.GetUnderlyingType(member!.PropertyType) ?? member.PropertyType;
            var element = type != typeof(byte[]) && type.IsArray ? type.GetElementType()! : type;
            (allowed.Contains(element) || WireRecords.All.Contains(element)).Should().BeTrue($"{member.DeclaringType!.Name}.{member.Name} is a {element}");
        }
    }

    [Fact]
    [Trait("Guarantee", "G10")]
    public void Every_request_names_the_identity_that_it_acts_as_at_position_0_and_may_leave_out_every_member()
    {
        var requests = WireRecords.All.Where(t => t.IsAssignableTo(typeof(Request))).ToArray();
        requests.Should().NotBeEmpty();
        foreach (var request in requests)
        {
            WireRecords.Members(request)[0]!.Name.Should().Be(nameof(Request.As), request.Name);
            foreach (var member in WireRecords.Members(request).Append(typeof(PipeRegistration).GetProperty(nameof(PipeRegistration.Name))))
            {
                Nullability.Create(member!).WriteState.Should().Be(NullabilityState.Nullable, $"{request.Name}.{member!.Name} is checked after binding, not by it");
            }
        }

        WireRecords.Members(typeof(PipeRegistration)).Should().OnlyContain(m => Nullability.Create(m!).WriteState == NullabilityState.Nullable);
    }

    [Fact]
    public void Every_answer_has_its_error_at_position_0()
    {
        var answers = WireRecords.All.Where(t => t.IsAssignableTo(typeof(Answer))).ToArray();
        answers.Should().NotBeEmpty().And.OnlyContain(t => WireRecords.Members(t)[0]!.Name == nameof(Answer.Error));
    }

    [Fact]
    public void Every_hub_method_takes_one_request_and_gives_one_answer_and_every_event_has_one_record()
    {
        foreach (var method in new[] { typeof(IControlHub), typeof(IDataHub) }.SelectMany(h => h.GetMethods()))
        {
            method.GetParameters().Should().ContainSingle(p => p.ParameterType.IsAssignableTo(typeof(Request)), method.Name);
            method.ReturnType.GetGenericArguments().Should().ContainSingle(t => t.IsAssignableTo(typeof(Answer)), method.Name);
        }

        foreach (var method in new[] { typeof(IControlClient), typeof(IDataClient) }.SelectMany(h => h.GetMethods()))
        {
            var type = method.GetParameters().Should().ContainSingle(method.Name).Subject.ParameterType;
            WireRecords.All.Should().Contain(type.IsArray ? type.GetElementType()! : type);
            method.ReturnType.Should().Be<Task>();
        }
    }

    [Fact]
    public void Every_error_code_is_unique_lies_in_a_range_and_says_its_kind()
    {
        var errors = ErrorTable();
        errors.Should().NotBeEmpty();
        errors.Select(e => e.Code).Should().OnlyHaveUniqueItems().And.OnlyContain(c => c >= 100 && c < 530);
        errors.Select(e => e.Name).Should().OnlyHaveUniqueItems().And.OnlyContain(n => Regex.IsMatch(n, "^[a-z]+(_[a-z]+)*$"));
        foreach (var entry in errors)
        {
            var error = DuplexityError.Of(entry, "A sentence.");
            error.Kind.Should().Be(((ErrorKind)(entry.Code / 100)).ToString().ToLowerInvariant());
            error.Is(entry).Should().BeTrue();
            new DuplexityException(error).Should().BeEquivalentTo(new { entry.Code, entry.Name, Kind = (ErrorKind)(entry.Code / 100), Message = "A sentence." });
        }
    }

    [Fact]
    public void Every_level_has_its_word()
    {
        foreach (var level in Enum.GetValues<ReceiptLevel>())
        {
            Levels.Word(level).Should().Be(level.ToString().ToLowerInvariant());
            Levels.TryRead(Levels.Word(level), out var read).Should().BeTrue();
            read.Should().Be(level);
        }

        Levels.TryRead("Stored", out _).Should().BeFalse();
        Levels.TryRead(null, out _).Should().BeFalse();
    }

    [Theory]
    [InlineData(500, "again")]
    [InlineData(509, "again")]
    [InlineData(510, "elsewhere")]
    [InlineData(520, "never")]
    [InlineData(529, "never")]
    public void The_tens_of_a_closing_code_say_whether_to_come_back(int code, string word) => Retry.Of(code).Should().Be(word);

    internal static (int Code, string Name)[] ErrorTable() =>
        [.. typeof(Errors).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => ((int, string))f.GetValue(null)!)];

    private static Type Type(string name) => WireRecords.All.Single(t => t.FullName == name);

    private static string Json(object value) => JsonSerializer.Serialize(value, value.GetType(), JsonOptions);
}
