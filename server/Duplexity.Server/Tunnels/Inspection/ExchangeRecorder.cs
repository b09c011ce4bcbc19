using Duplexity.Protocol;
using Duplexity.Server.Engine;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Duplexity.Server.Tunnels.Inspection;

/// <summary>One exchange at an inspected pipe while it runs: when what happened, what gates decided, and the begin of both bodies. A feature of its request. It copies; it awaits nothing.</summary>
internal sealed class ExchangeRecorder
{
    /// <summary>Notes of gates of one exchange: more gates than a pipe has.</summary>
    private const int MostGates = 32;

    private readonly Lock _lock = new();
    private readonly List<ExchangeGate> _gates = [];
    private readonly TimeProvider _time;
    private readonly long _began;
    private readonly BodyCapture _request;
    private readonly BodyCapture _response;
    private double? _firstByte;

    /// <summary>Begins: from here both bodies of <paramref name="context"/> are copied.</summary>
    public ExchangeRecorder(HttpContext context, PipeEntry entry, ExchangeBook book, string id, ExchangeRoom room, int mostOfBody, long began, TimeProvider time)
    {
        (Entry, Book, Id, _began, _time) = (entry, book, id, began, time);
        LocatedMs = Now;
        _request = new(room, mostOfBody) { Expected = context.Request.ContentLength, NeedsEnd = context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody != false };
        _response = new(room, mostOfBody);
        context.Request.Body = new TeeStream(context.Request.Body, _request);
        var answer = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        context.Features.Set<IHttpResponseBodyFeature>(new TeeBody(answer, new TeeStream(answer.Stream, _response, Begins)));
        context.Response.OnStarting(
            static recorder =>
            {
                ((ExchangeRecorder)recorder).Begins();
                return Task.CompletedTask;
            },
            this);
        context.Features.Set(this);
    }

    public PipeEntry Entry { get; }

    public ExchangeBook Book { get; }

    public string Id { get; }

    /// <summary>The client that the visitor showed to be, as gates say; null: none.</summary>
    public string? Client { get; set; }

    public double LocatedMs { get; }

    public double? CarrierMs { get; private set; }

    public double? FirstByteMs => _firstByte;

    public double EndMs { get; private set; }

    public ExchangeGate[] Gates
    {
        get
        {
            lock (_lock)
            {
                return [.. _gates];
            }
        }
    }

    public KeyValuePair<string, StringValues>[] RequestHeaders { get; private set; } = [];

    public KeyValuePair<string, StringValues>[] ResponseHeaders { get; private set; } = [];

    public (ReadOnlyMemory<byte> Bytes, bool IsWhole) RequestBody { get; private set; }

    public (ReadOnlyMemory<byte> Bytes, bool IsWhole) ResponseBody { get; private set; }

    public (long Request, long Response) Passed => (_request.Passed, _response.Passed);

    /// <summary>Bytes of the node's room that it has until it is kept.</summary>
    public int Taken => _request.Taken + _response.Taken;

    private double Now => _time.GetElapsedTime(_began).TotalMilliseconds;

    /// <summary>A gate has decided.</summary>
    public void Add(string gate, string outcome)
    {
        lock (_lock)
        {
            if (_gates.Count < MostGates)
            {
                _gates.Add(new() { Gate = gate, Outcome = outcome });
            }
        }
    }

    /// <summary>A carrier is there.</summary>
    public void Carried() => CarrierMs ??= Now;

    /// <summary>The exchange is over: the context is not looked at afterwards.</summary>
    public void End(HttpContext context)
    {
        EndMs = Now;
        RequestHeaders = [.. context.Request.Headers];
        ResponseHeaders = [.. context.Response.Headers];
        RequestBody = _request.End();
        var (bytes, isWhole) = _response.End();
        var isCut = context.RequestAborted.IsCancellationRequested || (context.Response.ContentLength > _response.Passed && !HttpMethods.IsHead(context.Request.Method) && context.Response.StatusCode != StatusCodes.Status304NotModified);
        ResponseBody = (bytes, isWhole && !isCut);
    }

    private void Begins() => _firstByte ??= Now;
}

/// <summary>Where gates of visitors say what they decided, for those who inspect the pipe; at pipes that nobody inspects it costs one look.</summary>
internal static class GateNotes
{
    /// <summary>The gate has decided, in few words; nothing secret.</summary>
    public static void Add(HttpContext context, string gate, string outcome) => context.Features.Get<ExchangeRecorder>()?.Add(gate, outcome);

    /// <summary>The visitor showed to be this client.</summary>
    public static void Client(HttpContext context, string client)
    {
        if (context.Features.Get<ExchangeRecorder>() is { } recorder)
        {
            recorder.Client = client;
        }
    }
}
