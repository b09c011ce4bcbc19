using System.Runtime.InteropServices;
using Duplexity.Cli;

// How long an orderly stop may take: the SDK's farewell is bounded by 2 s, a host's by 30 s. Whoever cannot wait presses Ctrl+C again.
var orderly = TimeSpan.FromSeconds(35);

using var interrupted = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

var run = new CommandLine(Surroundings.OfProcess()).RunAsync(args, interrupted.Token);
var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
using var late = interrupted.Token.Register(() => _ = Task.Delay(orderly, TimeProvider.System).ContinueWith(_ => stopped.TrySetResult(), TaskScheduler.Default));
return await Task.WhenAny(run, stopped.Task) == run ? await run : ExitCode.Interrupted;

// The first signal asks, the second one forces.
void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    if (interrupted.IsCancellationRequested)
    {
        Environment.Exit(ExitCode.Interrupted);
    }

    interrupted.Cancel();
}
