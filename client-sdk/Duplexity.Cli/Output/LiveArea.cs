using System.Globalization;
using System.Text;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Duplexity.Cli.Output;

/// <summary>
/// The last lines of a terminal, drawn over and over while others scroll by above them. A line of the content is a line on the screen: what is too long or too much for the window is left out, and a
/// window that changes its size is measured anew each time. Not thread-safe.
/// </summary>
internal sealed class LiveArea(TextWriter output, Func<(int Width, int Height)> size, bool hasColors)
{
    // As wide as anything may be before it is cut to the window: no cell is ever wrapped.
    private const int Unwrapped = 8192;

    // The window of a terminal that says nothing of its size.
    private const int UsualWidth = 80;
    private const int UsualHeight = 24;

    private readonly List<int> _drawn = [];

    /// <summary>The area of this process's output; null where nothing can be drawn: it is no terminal, or a dumb one.</summary>
    public static LiveArea? OfProcess(TextWriter output)
    {
        if (Console.IsOutputRedirected)
        {
            return null;
        }

        if (!OperatingSystem.IsWindows())
        {
            // To ask Spectre would open the runtime's console, which then changes the keypad's mode for every command.
            return Environment.GetEnvironmentVariable("TERM") is null or "" or "dumb"
                ? null
                : new LiveArea(output, Window, string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")));
        }

        // It also turns the sequences on where Windows wants that.
        var capabilities = AnsiConsole.Create(new AnsiConsoleSettings()).Profile.Capabilities;
        return capabilities.Ansi ? new LiveArea(output, Window, capabilities.ColorSystem != ColorSystem.NoColors) : null;
    }

    private static (int Width, int Height) Window() => (Console.WindowWidth, Console.WindowHeight);

    /// <summary>Takes what is drawn off the screen.</summary>
    public void Erase()
    {
        var text = new StringBuilder();
        Erase(text, Size().Width);
        output.Write(text.ToString());
    }

    /// <summary>Draws the content in the place of what is there.</summary>
    public void Draw(IRenderable content)
    {
        var (width, height) = Size();
        var text = new StringBuilder();
        Erase(text, width);

        // One line is the cursor's. Without line wrap a character that is wider than it was taken for cannot push the rest down.
        var lines = Lines(content, width, height - 1);
        text.Append("\u001b[?7l").Append(Render(lines, width)).Append("\u001b[?7h");
        _drawn.AddRange(lines.Select(line => Math.Max(1, line.CellCount())));
        output.Write(text.ToString());
    }

    /// <summary>What is on the screen stays there.</summary>
    public void Forget() => _drawn.Clear();

    private (int Width, int Height) Size()
    {
        var (width, height) = size();
        return (width > 0 ? width : UsualWidth, height > 1 ? height : UsualHeight);
    }

    private void Erase(StringBuilder text, int width)
    {
        // A window that has become narrower may have broken the lines that were there.
        var rows = _drawn.Sum(cells => (cells + width - 1) / width);
        _drawn.Clear();
        if (rows > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"\u001b[{rows}A\r\u001b[J");
        }
    }

    private static List<SegmentLine> Lines(IRenderable content, int width, int height)
    {
        var options = RenderOptions.Create(Plain(TextWriter.Null, hasColors: false, Unwrapped));
        return [.. Segment.SplitLines(content.Render(options, Unwrapped)).Take(height).Select(line => new SegmentLine(Segment.Truncate(line, width)))];
    }

    private string Render(List<SegmentLine> lines, int width)
    {
        var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        Plain(text, hasColors, width).Write(new Cut(lines));
        return text.ToString();
    }

    private static IAnsiConsole Plain(TextWriter writer, bool hasColors, int width)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = hasColors ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = hasColors ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
        });
        console.Profile.Width = width;
        return console;
    }

    /// <summary>Lines that are as long as they may be.</summary>
    private sealed class Cut(List<SegmentLine> lines) : IRenderable
    {
        public Measurement Measure(RenderOptions options, int maxWidth) => new(maxWidth, maxWidth);

        public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) => lines.SelectMany(line => line.Append(Segment.LineBreak));
    }
}
