using System.Net;

namespace Duplexity.Server.Tunnels;

/// <content>How the resource is asked whether it is well, where the registration says by which path.</content>
internal sealed partial class CarrierPool
{
    /// <summary>Whether it can be asked. Those of routes fare as their visitors find.</summary>
    public bool HasCheck => route is null && Entry.Settings is { Share: true, Health: not null };

    /// <summary>
    /// Asks, over a carrier of its own: that tells whether the next visitor who needs one gets it. Whoever does not answer below 400 before <paramref name="ct"/> ends is passed over until it does. True or false: that has changed to well or ill just now. Where the carriers are all in
    /// use nobody is asked: their visitors are the answer.
    /// </summary>
    public async Task<bool?> CheckAsync(CancellationToken ct)
    {
        var path = Entry.Settings.Health;
        bool isWell;
        try
        {
            isWell = await IsWellAsync(path, ct);
        }
        catch (Exception e) when ((e as CarryException ?? e.InnerException as CarryException)?.Failure is CarryFailure.Crowded or CarryFailure.Elsewhere)
        {
            return null; // at an HTTP/2 resource the client dials, and wraps what it meets
        }
        catch (Exception e) when (e is CarryException or HttpRequestException or IOException or OperationCanceledException)
        {
            isWell = false;
        }

        if (isWell)
        {
            Worked();
        }

        lock (_lock)
        {
            if (Entry.Settings.Health != path)
            {
                return null; // it was changed meanwhile: that was no answer to what is asked now
            }

            var wasIll = _isIll;
            _isIll = !isWell;
            return wasIll == isWell ? isWell : null;
        }
    }

    private async Task<bool> IsWellAsync(string? path, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, FrontTransform.Prefix + path) { Version = IsHttp2 ? HttpVersion.Version20 : HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.Host = new Way(Entry, null, "").HostOf(Entry.Name.StartsWith("*.", StringComparison.Ordinal) ? Entry.Name[2..] : Entry.Name);
        request.Headers.TryAddWithoutValidation("User-Agent", "Duplexity-Health");
        TakeSlot();
        if (IsHttp2)
        {
            using var own = new Http2Carriers(this);
            using var shared = await own.SendAsync(request, ct);
            return (int)shared.StatusCode < 400;
        }

        // Brought now: one that was brought ahead would not tell whether the client still brings any.
        using var carrier = new HttpCarrier(await DialAsync(ct));
        using var answer = await carrier.SendAsync(request, null, ct);
        return (int)answer.StatusCode < 400;
    }

    /// <summary>Waits for nobody. An HTTP/2 client takes a slot itself, when it dials.</summary>
    private void TakeSlot()
    {
        lock (_lock)
        {
            if (_taken >= options.Limits.CarriersPerPipe)
            {
                throw new CarryException(CarryFailure.Crowded);
            }

            _taken += IsHttp2 ? 0 : 1;
        }
    }
}
