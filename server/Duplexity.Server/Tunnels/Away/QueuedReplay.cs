using Microsoft.AspNetCore.Http;

namespace Duplexity.Server.Tunnels.Away;

/// <summary>Marks a queue's request that is sent again, for one registration and no other, and takes down what comes of it: for one attempt.</summary>
/// <param name="request">What was kept.</param>
internal sealed class QueuedReplay(KeptRequest request) : Replay
{
    /// <inheritdoc/>
    public override string Id => request.Id;

    public KeptRequest Request => request;

    /// <summary>Whether nothing of it reached the resource, for a reason that is not its own: it counts as no try.</summary>
    public bool IsUnsent { get; private set; }

    /// <summary>The status of the resource's whole answer; null: there was none, and what the front said for it is nobody's word.</summary>
    public int? Status { get; private set; }

    /// <summary>When the resource wants to be asked again, as it says; null: it does not.</summary>
    public TimeSpan? RetryAfter { get; private set; }

    /// <summary>Whether it is settled: an answer below 500 is the resource's word, but for those by which it asks to be asked again.</summary>
    public bool IsSettled => Status is { } status and < StatusCodes.Status500InternalServerError
        && status is not (StatusCodes.Status408RequestTimeout or 425 or StatusCodes.Status429TooManyRequests);

    /// <summary>The resource has answered, whole.</summary>
    public void Answer(HttpResponse response)
    {
        Status = response.StatusCode;
        RetryAfter = int.TryParse(response.Headers.RetryAfter, out var seconds) && seconds >= 0 ? TimeSpan.FromSeconds(seconds) : null;
    }

    /// <summary>The front has not served it. <paramref name="counts"/>: whether that is a try all the same.</summary>
    public void Fail(bool counts) => IsUnsent = !counts;
}
