using Duplexity.Benchmarks;

// What can be measured, by name. One file a scenario; each prints a line or two: the figures and the conditions under which they came about.
//
//   dotnet run -c Release --project tests/Duplexity.Benchmarks -- NAME [NAME …]
(string Name, string What, Func<Task> Run)[] scenarios =
[
    ("logins", "sign-ins a second through the whole flow, and token verifications a second (2.19)", Logins.RunAsync),
    ("deliveries", "deliveries a second from one sender to the members of a room", Deliveries.RunAsync),
    ("inboxes", "deliveries from one sender to one inbox that acknowledges each, a second, by the ways of acknowledging", Inboxes.RunAsync),
    ("appends", "appends a second of the message log alone, by durability and by how many wait", Appends.RunAsync),
    ("neighbours", "what a hundred quiet clients feel of one that floods (G24)", Neighbours.RunAsync),
    ("redis-appends", "the same on Redis, by appendfsync", Appends.RunOnRedisAsync),
    ("inspections", "requests a second at a public pipe that is inspected, and at one that is not", Inspections.RunAsync),
    ("wildcards", "requests a second at a name of its own, and at one under a wildcard", Wildcards.RunAsync),
    ("nodes", "a message and a visitor's request within one node and over two, on Redis", Nodes.RunAsync),
    ("front", "a visitor's request at a node and at a front, and what /locate adds (2.20)", Fronts.RunAsync),
    ("stalled", "what visitors of a public pipe feel of one who stops reading a large answer (3.3)", Stalled.RunAsync),
    ("distance", "what the first and the further requests of a visitor cost where the client is far away, and whether warm carriers would save it", Distance.RunAsync),
    ("sends", "sends of one socket: one after the other, and pipelined", Sends.RunAsync),
];

var chosen = args.Select(name => scenarios.FirstOrDefault(s => s.Name == name)).ToArray();
if (chosen.Length == 0 || chosen.Any(s => s.Run is null))
{
    Console.Error.WriteLine("Name what to measure:");
    foreach (var (name, what, _) in scenarios)
    {
        Console.Error.WriteLine($"  {name,-12} {what}");
    }

    return 2;
}

foreach (var (name, _, run) in chosen)
{
    Console.WriteLine($"{name} ({Conditions.Here})");
    await run();
}

return 0;
