using System.Globalization;
using Duplexity.Cli.Pipes;
using Spectre.Console;

namespace Duplexity.Cli.Output;

/// <summary>The table of <c>up</c> in a terminal: a row a pipe, and below it the last exchanges. All text is given as text, never as markup (G25).</summary>
internal sealed class LiveView(Invocation run, DuplexityConnection connection) : IPipeView
{
    /// <summary>How often it is drawn: fast enough for the eye, and drawing 20 rows costs a millisecond.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <summary>How many of the last exchanges are shown, where the window is high enough.</summary>
    private const int Shown = 10;

    private readonly Lock _gate = new();
    private readonly Queue<string> _last = new();
    private int _pauses;

    public void Exchange(ServedPipe pipe, Exchange exchange)
    {
        var line = VisibleText.Of(ExchangeLine.Text(exchange, pipe.Pipe.Name, run.Around.Time));
        lock (_gate)
        {
            _last.Enqueue(line);
            if (_last.Count > Shown)
            {
                _last.Dequeue();
            }
        }
    }

    public async Task RunAsync(Func<ServedPipe[]> served, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Interval, run.Around.Time);
        try
        {
            do
            {
                var content = Content(served());
                lock (_gate)
                {
                    if (_pauses == 0)
                    {
                        run.Terminal.Draw(content);
                    }
                }
            }
            while (await timer.WaitForNextTickAsync(stop));
        }
        finally
        {
            // What it showed last stays on the screen, above whatever comes next.
            run.Terminal.Draw(Content(served()));
            run.Terminal.EndDrawing();
        }
    }

    public IDisposable Pause()
    {
        lock (_gate)
        {
            _pauses++;
            run.Terminal.Draw(null);
        }

        return new Paused(this);
    }

    private Rows Content(ServedPipe[] served)
    {
        var grid = new Grid();
        string[] headers = ["PIPE", "RESOURCE", "STATE", "REQUESTS", "REQ/S", "OPEN", "LAST", "LAST ERROR"];
        foreach (var _ in headers)
        {
            grid.AddColumn(new GridColumn { NoWrap = true, Padding = new Padding(0, 0, 2, 0) });
        }

        grid.AddRow([.. headers.Select(h => new Text(h, new Style(decoration: Decoration.Bold)))]);
        foreach (var one in served)
        {
            grid.AddRow([.. Row(one)]);
        }

        lock (_gate)
        {
            return new Rows([grid, Text.Empty, .. _last.Select(line => new Text(line))]);
        }
    }

    private IEnumerable<Text> Row(ServedPipe one)
    {
        var isReady = connection.State == ConnectionState.Ready;
        var fault = one.Pipe.LastFault?.Sentence;
        yield return Plain(one.Pipe.Url.OriginalString, Color.Default);
        yield return Plain(one.Pipe.Resource, Color.Default);
        yield return Plain(isReady ? "serving" : connection.State.ToString().ToLowerInvariant(), isReady ? Color.Green : Color.Yellow);
        yield return Plain(one.Requests.ToString(CultureInfo.InvariantCulture), Color.Default);
        yield return Plain(one.Rate(run.Around.Time).ToString("0.#", CultureInfo.InvariantCulture), Color.Default);
        yield return Plain(one.Pipe.Connections.ToString(CultureInfo.InvariantCulture), Color.Default);
        yield return Plain(one.LastStatus?.ToString(CultureInfo.InvariantCulture) ?? "-", one.LastStatus >= 500 ? Color.Red : Color.Default);
        yield return Plain(fault ?? "-", fault is null ? Color.Default : Color.Red);
    }

    private static Text Plain(string text, Color color) => new(VisibleText.Of(text), new Style(color));

    private sealed class Paused(LiveView view) : IDisposable
    {
        public void Dispose()
        {
            lock (view._gate)
            {
                view._pauses--;
            }
        }
    }
}
