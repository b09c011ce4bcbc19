using Duplexity.Protocol;
using Microsoft.Extensions.Options;

namespace Duplexity.Server.Engine;

/// <summary>Refuses to start with a durability that nobody could keep; says what to set.</summary>
internal sealed class DurabilityCheck : IValidateOptions<DuplexityOptions>
{
    public ValidateOptionsResult Validate(string? name, DuplexityOptions options)
    {
        List<string> problems = [];
        if (options.Durability is not (null or "accepted" or "written" or "fsynced"))
        {
            problems.Add($"Duplexity:Durability is \"{VisibleText.Of(options.Durability, 64)}\"; use fsynced, written or accepted.");
        }
        else if (options.Durability is "written" or "fsynced" && string.IsNullOrEmpty(options.Data) && !options.LogIsElsewhere)
        {
            problems.Add($"Duplexity:Durability is {options.Durability}, and there is no data folder; name one (Duplexity:Data), or set the durability to accepted.");
        }

        foreach (var (limit, value) in new[]
        {
            ("Limits:MessagesPerChannel", options.Limits.MessagesPerChannel), ("Limits:BytesPerChannel", options.Limits.BytesPerChannel), ("Limits:TailBytes", options.Limits.TailBytes),
            ("Limits:LocksPerChannel", options.Limits.LocksPerChannel), ("Limits:SourcesPerChannel", options.Limits.SourcesPerChannel),
            ("Limits:AppendsWaiting", options.Limits.AppendsWaiting), ("Limits:AppendBytesWaiting", options.Limits.AppendBytesWaiting),
            ("Limits:RecordsWaiting", options.Limits.RecordsWaiting), ("Limits:RecordBytesWaiting", options.Limits.RecordBytesWaiting),
        })
        {
            if (value < 1)
            {
                problems.Add($"Duplexity:{limit} is {value}; it is at least 1.");
            }
        }

        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    /// <summary>What the settings say that <c>stored</c> means.</summary>
    internal static ReceiptLevel LevelOf(DuplexityOptions options) =>
        string.IsNullOrEmpty(options.Data) || !Levels.TryRead(options.Durability ?? Levels.Word(ReceiptLevel.Fsynced), out var level) ? ReceiptLevel.Accepted : level;
}
