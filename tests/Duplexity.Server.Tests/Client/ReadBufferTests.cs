using Duplexity.Protocol;
using Duplexity.Reading;
using Duplexity.Testing;
using FluentAssertions;
using Xunit;

namespace Duplexity.Server.Tests.Client;

public sealed class ReadBufferTests
{
    private static readonly DuplexityConnection Connection = new(new Uri("http://localhost"));

    [Fact]
    public void Every_reader_sees_every_message_and_the_slowest_one_makes_room()
    {
        var buffer = new ReadBuffer(4);
        using var quick = buffer.Open();
        using var slow = buffer.Open();
        Fill(buffer, 1, 4);

        Drain(quick).Should().Equal("1", "2", "3", "4");
        buffer.TryAdd(Message(5)).Should().BeFalse();
        slow.TryRead(out var first).Should().BeTrue();
        buffer.TryAdd(Message(5)).Should().BeTrue();

        first!.Text.Should().Be("1");
        Drain(slow).Should().Equal("2", "3", "4", "5");
        Drain(quick).Should().Equal("5");
    }

    [Fact]
    public void What_came_before_the_first_reader_and_what_the_last_one_left_waits_for_the_next()
    {
        var buffer = new ReadBuffer(4);
        Fill(buffer, 1, 3);
        using (var reader = buffer.Open())
        {
            reader.TryRead(out _).Should().BeTrue();
        }

        using var next = buffer.Open();
        Drain(next).Should().Equal("2", "3");
    }

    [Fact]
    public void Half_empty_is_told_also_when_a_reader_goes_that_held_everything_up()
    {
        var buffer = new ReadBuffer(4);
        var drained = 0;
        buffer.Drained += () => drained++;
        using var quick = buffer.Open();
        var stuck = buffer.Open();
        Fill(buffer, 1, 4);
        Drain(quick);
        drained.Should().Be(0);

        stuck.Dispose();

        drained.Should().Be(1);
        buffer.IsFull.Should().BeFalse();
    }

    [Fact]
    public async Task A_fault_comes_after_what_is_buffered()
    {
        var buffer = new ReadBuffer(4);
        using var reader = buffer.Open();
        var waiting = reader.WaitAsync(default).AsTask();
        Fill(buffer, 1, 1);
        buffer.Complete(new InvalidOperationException("refused"));

        (await waiting.Soon()).Should().BeTrue();
        Drain(reader).Should().Equal("1");
        await FluentActions.Awaiting(() => reader.WaitAsync(default).AsTask()).Should().ThrowAsync<InvalidOperationException>();
        buffer.TryAdd(Message(2)).Should().BeFalse();
    }

    private static void Fill(ReadBuffer buffer, int from, int to)
    {
        for (var i = from; i <= to; i++)
        {
            buffer.TryAdd(Message(i)).Should().BeTrue();
        }
    }

    private static List<string?> Drain(ReadBuffer.Reader reader)
    {
        var texts = new List<string?>();
        while (reader.TryRead(out var message))
        {
            texts.Add(message.Text);
        }

        return texts;
    }

    private static Message Message(int i) => new(Connection, new DeliveredMessage { Id = $"m{i}", Text = $"{i}" }, Address.Room("x"), "me");
}
