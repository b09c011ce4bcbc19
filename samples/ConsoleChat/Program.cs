using Duplexity;

// dotnet run --project samples/ConsoleChat -- NAME ROOM       (a second terminal with another name talks to the first)
if (args is not [var name, var roomName])
{
    Console.Error.WriteLine("usage: ConsoleChat NAME ROOM");
    return 2;
}

var server = new Uri(Environment.GetEnvironmentVariable("DUPLEXITY_SERVER") ?? "http://localhost:5080");

// A ready-made token where there is one, else the development identity: any name, for the user who runs the service on this machine.
var token = Environment.GetEnvironmentVariable("DUPLEXITY_TOKEN") is { Length: > 0 } ready
    ? _ => ValueTask.FromResult<string?>(ready)
    : DevelopmentToken.For(server, name);

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) => e.Cancel = !stop.IsCancellationRequested && Stop();

try
{
    await using var connection = new DuplexityConnection(server, new DuplexityConnectionOptions { Token = token });
    connection.StateChanged += change => Console.Error.WriteLine($"({change.Current})");
    await connection.ConnectAsync(stop.Token);
    _ = connection.Closed.ContinueWith(_ => Stop(), TaskScheduler.Default);

    await using var room = await connection.JoinAsync(roomName, new JoinOptions { Last = 20 }, stop.Token);
    using var messages = room.OnMessage((m, _) => Show($"{m.From.Client}: {m.Text}"));
    using var direct = connection.Inbox.OnMessage((m, _) => Show($"{m.From.Client} to you alone: {m.Text}"));
    Console.WriteLine($"You are {connection.Client} in {room.Address}. /who, /msg NAME TEXT, /quit");

    while (await Task.Run(Console.ReadLine).WaitAsync(stop.Token) is { } line && line != "/quit")
    {
        try
        {
            await SayAsync(connection, room, line);
        }
        catch (Exception e) when (e is DuplexityException { Kind: not ErrorKind.Closed } or FormatException)
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

Task SayAsync(DuplexityConnection connection, Room room, string line) => line.Split(' ', 3, StringSplitOptions.RemoveEmptyEntries) switch
{
    [] => Task.CompletedTask,
    ["/who"] => WhoAsync(room),
    ["/msg", var to, var text] => connection.SendAsync(Address.Client(to), text, ct: stop.Token),
    _ => room.SendAsync(line, ct: stop.Token),
};

async Task WhoAsync(Room room) => await Show(string.Join(", ", (await room.PresenceAsync(stop.Token)).Members.Select(m => m.Client)));

// What others wrote reaches the terminal as text only: VisibleText makes escape sequences and line ends visible.
ValueTask Show(string text)
{
    Console.WriteLine(VisibleText.Of(text));
    return ValueTask.CompletedTask;
}

bool Stop()
{
    stop.Cancel();
    return true;
}
