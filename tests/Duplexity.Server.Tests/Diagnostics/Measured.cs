using System.Diagnostics.Metrics;
using Duplexity.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Duplexity.Server.Tests.Diagnostics;

/// <summary>Listens to what one node measures, and to no other node of this process.</summary>
internal sealed class Measured : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Lock _lock = new();
    private readonly List<Measurement> _all = [];
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Measured(IServiceProvider services)
    {
        var factory = services.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope == factory && instrument.Meter.Name == "Duplexity.Server")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    public sealed record Measurement(string Name, string? Unit, double Value, IReadOnlyDictionary<string, object?> Tags);

    /// <summary>All that was measured until now.</summary>
    public IReadOnlyList<Measurement> All
    {
        get
        {
            lock (_lock)
            {
                return [.. _all];
            }
        }
    }

    /// <summary>What was measured under a name, with these tags at least.</summary>
    public IReadOnlyList<Measurement> Of(string name, params (string Name, string Value)[] tags) =>
        [.. All.Where(m => m.Name == name && tags.All(t => Equals(m.Tags.GetValueOrDefault(t.Name), t.Value)))];

    /// <summary>Completes with what was measured under a name when its sum has come to <paramref name="sum"/>.</summary>
    public async Task<IReadOnlyList<Measurement>> UntilAsync(double sum, string name, params (string Name, string Value)[] tags)
    {
        while (true)
        {
            Task more;
            lock (_lock)
            {
                more = _more.Task;
            }

            if (Of(name, tags) is var found && found.Sum(m => m.Value) >= sum)
            {
                return found;
            }

            await more.Soon();
        }
    }

    /// <summary>What an observed instrument says now; empty: nothing.</summary>
    public IReadOnlyList<Measurement> Now(string name, params (string Name, string Value)[] tags)
    {
        lock (_lock)
        {
            _all.RemoveAll(m => m.Name == name);
        }

        _listener.RecordObservableInstruments();
        return Of(name, tags);
    }

    public void Dispose() => _listener.Dispose();

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var measurement = new Measurement(instrument.Name, instrument.Unit, value, new Dictionary<string, object?>(tags.ToArray()));
        TaskCompletionSource more;
        lock (_lock)
        {
            _all.Add(measurement);
            (more, _more) = (_more, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        more.SetResult();
    }
}
