using Duplexity.Protocol;
using Duplexity.Server.Pipes;

namespace Duplexity.Server.Api;

/// <summary>Messages that come by HTTP: through the whole machine, from a sender without a socket. Thread-safe.</summary>
internal sealed class Publishing(PipeMachine machine)
{
    /// <summary>The most messages of one batch.</summary>
    public const int MaxBatch = 100;

    /// <summary>The largest batch in bytes.</summary>
    private const int MaxBatchBytes = 1024 * 1024;

    /// <summary>One message to one destination or several.</summary>
    public async Task<Answer> SendAsync(ApiCall call)
    {
        var message = await call.ReadAsync<ApiMessage>();
        CheckAlone(message);
        return await machine.SendAsync(call.Sender(), ToSend(message, Key(message, call.IdempotencyKey)));
    }

    /// <summary>Several messages: each is taken or refused by itself, in their order.</summary>
    public async Task<Answer> SendBatchAsync(ApiCall call)
    {
        var batch = await call.ReadAsync<ApiBatch>(MaxBatchBytes);
        if (batch.Messages is not { Length: > 0 and <= MaxBatch } messages || messages.Contains(null!))
        {
            throw ApiCall.Wrong($"messages has 1 to {MaxBatch} messages, and no empty place.");
        }

        if (call.IdempotencyKey is not null)
        {
            throw ApiCall.Wrong("In a batch each message has an idempotencyKey of its own; the header Idempotency-Key is for a single one.");
        }

        // Each is put into line before the first is waited for, as those that a socket sends one behind the other (G11); the line is so that gates which take their time do not change the order.
        var line = new SendLine(null);
        var receipts = new ValueTask<SendResponse>[messages.Length];
        for (var i = 0; i < messages.Length; i++)
        {
            receipts[i] = Begin(call, line, messages[i]);
        }

        var answers = new SendResponse[messages.Length];
        for (var i = 0; i < messages.Length; i++)
        {
            answers[i] = await EndAsync(receipts[i]);
        }

        return new ApiBatchResponse { Receipts = answers };
    }

    /// <summary>A message to the acting client's feed.</summary>
    public async Task<Answer> EmitAsync(ApiCall call)
    {
        var emit = await call.ReadAsync<ApiEmit>();
        CheckAlone(emit);
        return await machine.EmitAsync(call.Sender(), Filled(new EmitRequest(), emit, Key(emit, call.IdempotencyKey)));
    }

    private static void CheckAlone(ApiBody body)
    {
        if (body.After is not null)
        {
            throw ApiCall.Wrong("after is for who sends on without waiting: in a batch, or on a connection. A message by itself has nothing to come after.");
        }
    }

    private ValueTask<SendResponse> Begin(ApiCall call, SendLine line, ApiMessage message)
    {
        try
        {
            call.CheckStanding();
            return machine.SendAsync(call.Sender(line), ToSend(message, message.IdempotencyKey));
        }
        catch (DuplexityException refused)
        {
            return new(new SendResponse { Error = refused.Error });
        }
    }

    private static async ValueTask<SendResponse> EndAsync(ValueTask<SendResponse> receipt)
    {
        try
        {
            return await receipt;
        }
        catch (DuplexityException refused)
        {
            // Such as that more waits for the disk than it takes: what is before it is stored all the same.
            return new SendResponse { Error = refused.Error };
        }
    }

    private static SendRequest ToSend(ApiMessage message, string? key) => Filled(new SendRequest { To = message.To, Under = message.Under }, message, key);

    /// <summary>The request with all that Send and Emit share.</summary>
    private static T Filled<T>(T request, ApiBody body, string? key)
        where T : MessageRequest
    {
        var (text, contentType) = Content(body);
        return (T)((MessageRequest)request with
        {
            Text = text,
            Bytes = body.Bytes,
            ContentType = contentType,
            Type = body.Type,
            Re = body.Re,
            Headers = body.Headers,
            Level = body.Level,
            Session = body.Session,
            Sequence = body.Sequence,
            After = body.After,
            IdempotencyKey = key,
        });
    }

    private static (string? Text, string? ContentType) Content(ApiBody body)
    {
        if (body.Json is not { } json)
        {
            return (body.Text, body.ContentType);
        }

        return body.Text is null && body.Bytes is null
            ? (json.GetRawText(), body.ContentType ?? Body.Json)
            : throw ApiCall.Wrong("A message has a body: give text, bytes or json, one of the three.");
    }

    private static string? Key(ApiBody body, string? header) => body.IdempotencyKey is { } own && header is not null && own != header
        ? throw ApiCall.Wrong("The header Idempotency-Key and the member idempotencyKey say different things; give one of the two.")
        : body.IdempotencyKey ?? header;
}
