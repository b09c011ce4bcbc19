using Duplexity;

// dotnet run --project samples/SharedBoard -- NAME BOARD      (several people edit one board; a second terminal with another name is one)
if (args is not [var name, var boardName])
{
    Console.Error.WriteLine("usage: SharedBoard NAME BOARD");
    return 2;
}

var server = new Uri(Environment.GetEnvironmentVariable("DUPLEXITY_SERVER") ?? "http://localhost:5080");
var token = Environment.GetEnvironmentVariable("DUPLEXITY_TOKEN") is { Length: > 0 } ready
    ? _ => ValueTask.FromResult<string?>(ready)
    : DevelopmentToken.For(server, name);

// The board is what its messages make of it: everybody folds the same log in the same order, so everybody has the same board.
var cards = new SortedDictionary<string, (string Text, string By)>(StringComparer.Ordinal);
var held = new Dictionary<string, HeldLock>(StringComparer.Ordinal);
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) => e.Cancel = !stop.IsCancellationRequested && Stop();

try
{
    await using var connection = new DuplexityConnection(server, new DuplexityConnectionOptions { Token = token });
    await connection.ConnectAsync(stop.Token);
    _ = connection.Closed.ContinueWith(_ => Stop(), TaskScheduler.Default);
    await using var locks = await connection.EnterAsync(boardName, ct: stop.Token);
    await using var board = await connection.JoinAsync(boardName, new JoinOptions { Last = 1_000 }, stop.Token);
    using var changes = board.OnMessage((m, _) => Apply(m.From.Client, m.Type == nameof(Card) ? m.ReadFromJson<Card>() : null));
    Console.WriteLine($"You are {connection.Client} at {board.Address}. show, who, edit CARD, write CARD TEXT, done CARD, quit");

    while (await Task.Run(Console.ReadLine).WaitAsync(stop.Token) is { } line && line != "quit")
    {
        try
        {
            await DoAsync(connection, board, locks, line.Split(' ', 3, StringSplitOptions.RemoveEmptyEntries));
        }
        catch (Exception e) when (e is DuplexityException { Kind: not ErrorKind.Closed } or FormatException or OperationCanceledException && !stop.IsCancellationRequested)
        {
            Console.Error.WriteLine(VisibleText.Of(e.Message));
        }
    }

    return 0;
}
catch (OperationCanceledException)
{
    return 130;
}
catch (DuplexityException e)
{
    Console.Error.WriteLine(VisibleText.Of(e.Message));
    return 1;
}

Task DoAsync(DuplexityConnection connection, Room board, Lockspace locks, string[] words) => words switch
{
    [] => Task.CompletedTask,
    ["show"] => Show(),
    ["who"] => WhoAsync(board),
    ["edit", var card] => EditAsync(locks, card),
    ["write", var card, var text] => WriteAsync(connection, board, card, text),
    ["done", var card] => DoneAsync(card),
    _ => Say("show, who, edit CARD, write CARD TEXT, done CARD, quit"),
};

// One person at a card: the next one waits a moment, and is told who has it.
async Task EditAsync(Lockspace locks, string card)
{
    if (held.TryGetValue(card, out var before) && !before.Lost.IsCancellationRequested)
    {
        await Say($"{card} is yours already");
        return;
    }

    var mine = held[card] = await locks.AcquireAsync(card, TimeSpan.FromSeconds(2), stop.Token);
    mine.Lost.Register(() => Say($"{card} is not yours any more"));
    await Say($"{card} is yours, under {mine.Token}");
}

// Under the lock: if somebody has had the card since, the board's log refuses this, however late it comes.
async Task WriteAsync(DuplexityConnection connection, Room board, string card, string text)
{
    if (!held.TryGetValue(card, out var mine))
    {
        await Say($"edit {card} first");
        return;
    }

    await board.SendAsync(new Card(card, text), new SendOptions { Under = mine }, mine.Lost);

    // A socket does not hear its own message.
    await Apply(connection.Client, new Card(card, text));
}

async Task DoneAsync(string card)
{
    if (held.Remove(card, out var mine))
    {
        await mine.DisposeAsync();
    }
}

async Task WhoAsync(Room board) => await Say(string.Join(", ", (await board.PresenceAsync(stop.Token)).Members.Select(m => m.Client)));

Task Show()
{
    lock (cards)
    {
        foreach (var (card, (text, by)) in cards)
        {
            Say($"{card}: {text} ({by})");
        }
    }

    return Task.CompletedTask;
}

ValueTask Apply(string by, Card? change)
{
    if (change is not null)
    {
        lock (cards)
        {
            cards[change.Name] = (change.Text, by);
        }

        Say($"* {by} wrote {change.Name}: {change.Text}");
    }

    return ValueTask.CompletedTask;
}

// What came over the wire never reaches the terminal as it is.
static Task Say(string line) => Console.Out.WriteLineAsync(VisibleText.Of(line));

bool Stop()
{
    stop.Cancel();
    return true;
}

/// <summary>A card as somebody wrote it.</summary>
internal sealed record Card(string Name, string Text);
