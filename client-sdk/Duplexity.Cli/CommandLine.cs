using System.CommandLine;
using System.CommandLine.Help;
using Duplexity.Cli.Commands;

namespace Duplexity.Cli;

/// <summary>The command <c>duplexity</c>: the tree of its commands, and the one place where an error becomes a line and an exit code.</summary>
internal sealed class CommandLine(Surroundings around)
{
    private readonly GlobalOptions _global = new();

    /// <summary>Runs one command line to its end; the result is the exit code.</summary>
    /// <param name="args">The arguments behind the program's name.</param>
    /// <param name="interrupted">Ctrl+C or SIGTERM: the command ends in order and answers 130.</param>
    public async Task<int> RunAsync(string[] args, CancellationToken interrupted)
    {
        try
        {
            // No response files: "send lobby @amy" is text, not a file to read.
            var parsed = Tree().Parse(args is [] ? ["--help"] : args, new ParserConfiguration { ResponseFileTokenReplacer = null });
            if (parsed.Errors.Count > 0 && parsed.Action is not HelpAction)
            {
                throw new UsageException($"{Problem(parsed)}; see duplexity {Path(parsed)}--help.");
            }

            var configuration = new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
                Output = around.Terminal.Help,
                Error = around.Terminal.Help,
            };
            return await parsed.InvokeAsync(configuration, interrupted);
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
        catch (Exception e)
        {
            // The end of the process: whatever it was becomes one line, never a stack trace.
            around.Terminal.Fail(Sentence(e));
            return ExitCode.Of(e);
        }
    }

    // "Required command was not provided" is the first error of a mistyped command; what was typed says more.
    private static string Problem(ParseResult parsed) =>
        parsed.UnmatchedTokens is [var unknown, ..] ? $"\"{unknown}\" is not known here" : parsed.Errors[0].Message.TrimEnd('.');

    private static string Path(ParseResult parsed) => parsed.CommandResult.Command is RootCommand ? "" : parsed.CommandResult.Command.Name + " ";

    private static string Sentence(Exception e) => e switch
    {
        UsageException or NotSignedInException or DuplexityException => e.Message,
        HttpRequestException => $"The server cannot be reached: {e.Message}",
        OperationCanceledException or TimeoutException => "The server did not answer in time.",
        IOException or UnauthorizedAccessException or FormatException => e.Message,
        _ => $"{e.GetType().Name}: {e.Message}",
    };

    private RootCommand Tree()
    {
        var root = new RootCommand("duplexity – sockets, rooms and public pipes under one identity");
        _global.AddTo(root);
        var run = new Runner(around, _global);
        root.Add(UpCommand.Create(run));
        root.Add(TcpCommand.Create(run));
        root.Add(DialCommand.Create(run));
        root.Add(PipesCommand.Create(run));
        root.Add(LinkCommand.Create(run));
        root.Add(GrantCommand.Create(run));
        root.Add(GrantCommand.CreateList(run));
        root.Add(InspectCommand.Create(run));
        root.Add(PipeCommand.Create(run));
        root.Add(QueueCommand.Create(run));
        root.Add(NamesCommand.Create(run));
        root.Add(SendCommand.Create(run));
        root.Add(EmitCommand.Create(run));
        root.Add(TailCommand.Create(run));
        root.Add(ChatCommand.Create(run));
        root.Add(HistoryCommand.Create(run));
        root.Add(InboxCommand.Create(run));
        root.Add(DeadLettersCommand.Create(run));
        root.Add(PresenceCommand.Create(run));
        root.Add(RoomsCommand.Create(run));
        root.Add(FollowersCommand.Create(run));
        root.Add(LockCommand.Create(run));
        root.Add(LoginCommand.Create(run));
        root.Add(LogoutCommand.Create(run));
        root.Add(WhoamiCommand.Create(run));
        root.Add(TokenCommand.Create(run));
        root.Add(SocketsCommand.Create(run));
        root.Add(KickCommand.Create(run));
        root.Add(ExplainCommand.Create(run));
        root.Add(KeyCommand.Create(run));
        root.Add(RevokeCommand.Create(run));
        root.Add(UserCommand.Create(run));
        root.Add(TraceCommand.Create(run));
        root.Add(NodeCommand.Create(run));
        root.Add(ServeCommand.Create());
        return root;
    }
}
