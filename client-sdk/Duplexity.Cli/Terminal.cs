using System.Text;
using Duplexity.Cli.Output;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Duplexity.Cli;

/// <summary>
/// Where a command reads and writes. Every line passes <see cref="VisibleText"/> as a whole, so that nothing that came over the wire can drive the terminal,
/// end a line or be taken for markup (G25): there is no other way out.
/// </summary>
internal sealed class Terminal(TextReader input, TextWriter output, TextWriter error, bool interactive, LiveArea? area = null)
{
    // Wide enough that no cell is ever wrapped: a row is a line, for people and for scripts.
    private const int TableWidth = 8192;

    private readonly Lock _writing = new();
    private IRenderable? _drawn;

    /// <summary>Whether a person sits at both ends and can answer a question.</summary>
    public bool Interactive => interactive;

    /// <summary>Whether <see cref="Draw"/> can be seen.</summary>
    public bool CanDraw => area is not null;

    /// <summary>Where the help goes: our own words, of many lines.</summary>
    public TextWriter Help => output;

    /// <summary>The process's own console; UTF-8 both ways whatever the locale says, for addresses and bodies are UTF-8.</summary>
    public static Terminal OfProcess()
    {
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        var output = new StreamWriter(Console.OpenStandardOutput(), utf8) { AutoFlush = true };
        var error = new StreamWriter(Console.OpenStandardError(), utf8) { AutoFlush = true };
        var input = new StreamReader(Console.OpenStandardInput(), utf8);
        return new Terminal(input, output, error, !Console.IsInputRedirected && !Console.IsErrorRedirected, LiveArea.OfProcess(output));
    }

    /// <summary>One line of result.</summary>
    public void Line(string text) => Write(output, text);

    /// <summary>One line for the person at the terminal; never part of the result.</summary>
    public void Note(string text) => Write(error, text);

    /// <summary>The one line that says why a command failed.</summary>
    public void Fail(string sentence) => Note($"duplexity: {sentence}");

    /// <summary>Rows in columns, each cell as text.</summary>
    public void Table(IReadOnlyList<string> headers, IEnumerable<IReadOnlyList<string>> rows)
    {
        var grid = new Grid();
        foreach (var _ in headers)
        {
            grid.AddColumn(new GridColumn { NoWrap = true, Padding = new Padding(0, 0, 2, 0) });
        }

        foreach (var row in rows.Prepend(headers))
        {
            grid.AddRow([.. row.Select(cell => new Text(VisibleText.Of(cell)))]);
        }

        var table = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(table),
        });
        console.Profile.Width = TableWidth;
        console.Write(grid);
        foreach (var line in table.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            Line(line.TrimEnd());
        }
    }

    /// <summary>Shows <paramref name="content"/> below all lines, in the place of what was drawn before; null: nothing. Its text has passed <see cref="VisibleText"/> and is no markup.</summary>
    public void Draw(IRenderable? content)
    {
        lock (_writing)
        {
            _drawn = content;
            if (content is null)
            {
                area?.Erase();
            }
            else
            {
                area?.Draw(content);
            }
        }
    }

    /// <summary>What is drawn stays where it is; lines go on below it.</summary>
    public void EndDrawing()
    {
        lock (_writing)
        {
            _drawn = null;
            area?.Forget();
        }
    }

    /// <summary>A line from the person, or null at the end of input. Waits on a thread of its own: a console read cannot be cancelled.</summary>
    public Task<string?> ReadLineAsync(CancellationToken cancel) => Task.Run(input.ReadLine, CancellationToken.None).WaitAsync(cancel);

    /// <summary>Everything up to the end of input.</summary>
    public Task<string> ReadAllAsync(CancellationToken cancel) => Task.Run(input.ReadToEnd, CancellationToken.None).WaitAsync(cancel);

    private void Write(TextWriter writer, string text)
    {
        lock (_writing)
        {
            if (_drawn is not null)
            {
                area?.Erase();
            }

            writer.WriteLine(VisibleText.Of(text));
            if (_drawn is not null)
            {
                area?.Draw(_drawn);
            }
        }
    }
}
