using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Duplexity.Server.Auth;

/// <content>The open answer on which a program waits for its person.</content>
internal sealed partial class SignInEndpoints
{
    /// <summary>Answers <c>POST /auth</c>: one JSON object a line, until the sign-in is over.</summary>
    public async Task WaitAsync(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        var asked = await AuthRequests.ReadAsync<Asked>(context);
        if (asked?.Challenge is not { Length: 43 } challenge || asked.Port is < 1 or > 65535)
        {
            await AuthRequests.RefuseAsync(context, "Send {\"challenge\": BASE64URL(SHA256(verifier)), \"port\"?: a loopback port, \"program\"?: what you call yourself}.");
            return;
        }

        if (!provider.IsConfigured)
        {
            await AuthRequests.RefuseAsync(context, DuplexityError.Of(Errors.Denied, "Nobody signs in at this server: it takes tokens of its own issuers. Bring one, or an API key."));
            return;
        }

        var address = peers.Of(context);
        var (waiting, refused) = await signIns.BeginAsync(challenge, asked.Port, asked.Program ?? "a program without a name", address, context.RequestAborted);
        if (waiting is null)
        {
            await AuthRequests.RefuseAsync(context, refused!);
            return;
        }

        try
        {
            await StreamAsync(context, waiting);
        }
        catch (OperationCanceledException)
        {
            // Who waited went away.
        }
        catch (DuplexityException e) when (context.Response.HasStarted)
        {
            await WriteAsync(context, new { @event = SignInEvent.Failed, error = e.Error });
        }
        finally
        {
            await signIns.EndAsync(waiting);
        }
    }

    private async Task StreamAsync(HttpContext context, OpenAnswer waiting)
    {
        var signIn = waiting.Begun;
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        context.Response.ContentType = "application/x-ndjson";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        await WriteAsync(context, new
        {
            @event = "started",
            id = signIn.Id,
            link = $"{origins.BaseOf(context.Request)}/auth/start?id={signIn.Id}",
            code = signIn.Code,
            expiresAt = signIn.ExpiresAt.ToUnixTimeMilliseconds(),
        });
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        while (time.GetUtcNow() < signIn.ExpiresAt)
        {
            var left = signIn.ExpiresAt - time.GetUtcNow();
            var pause = left < options.Value.Times.SignInWaiting ? left : options.Value.Times.SignInWaiting;
            SignInEvent? told;
            try
            {
                // Not a read, which would go on waiting behind its time-out and take the event for itself.
                await waiting.Events.WaitToReadAsync(ends.Token).AsTask().WaitAsync(pause, time, ends.Token);
                if (!waiting.Events.TryRead(out told))
                {
                    return;
                }
            }
            catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
            {
                await WriteAsync(context, new { @event = SignInEvent.Failed, error = DuplexityError.Of(Errors.Draining, "The node is shutting down; begin again.") });
                return;
            }
            catch (TimeoutException)
            {
                await WriteAsync(context, new { @event = "waiting" });
                await signIns.LookAsync(waiting, context.RequestAborted);
                continue;
            }

            if (told.Name == SignInEvent.Approved)
            {
                await WriteAsync(context, new { @event = "approved" });
                continue;
            }

            if (told.Person is null)
            {
                await WriteAsync(context, new { @event = SignInEvent.Failed, error = told.Error });
                return;
            }

            var (tokens, error) = await grants.BeginAsync(told.Person, context.RequestAborted);
            if (error is not null)
            {
                await WriteAsync(context, new { @event = SignInEvent.Failed, error });
                return;
            }

            var line = JsonSerializer.SerializeToNode(tokens, AllowanceClaim.Json)!.AsObject();
            line.Insert(0, "event", SignInEvent.Tokens);
            await WriteAsync(context, line);
            return;
        }

        await WriteAsync(context, new { @event = SignInEvent.Failed, error = DuplexityError.Of(Errors.Unavailable, "Nobody signed in in time; begin again.") });
    }

    private static async Task WriteAsync<T>(HttpContext context, T line)
    {
        var text = JsonSerializer.Serialize(line, AllowanceClaim.Json) + "\n";
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text), context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    private sealed record Asked(string? Challenge, int? Port, string? Program);
}
