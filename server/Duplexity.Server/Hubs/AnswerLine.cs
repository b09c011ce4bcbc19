using Duplexity.Protocol;

namespace Duplexity.Server.Hubs;

/// <summary>
/// The answers with pages to one connection: some at once, from before the page is read until the transport takes it, so that who asks and does not read costs a few pages and not one a call. Further calls wait
/// for those before them, and hold nothing. Ends with the connection. Thread-safe.
/// </summary>
internal sealed class AnswerLine(int most)
{
    private readonly SemaphoreSlim _places = new(most);
    private readonly HashSet<Answer> _untaken = new(ReferenceEqualityComparer.Instance);

    /// <summary>Answers, once so few wait to be taken that there is a place for one more.</summary>
    public async Task<T> AnswerAsync<T>(Func<Task<T>> read, CancellationToken ct)
        where T : Answer
    {
        await _places.WaitAsync(ct);
        try
        {
            var answer = await read();
            lock (_untaken)
            {
                _untaken.Add(answer);
            }

            return answer;
        }
        catch
        {
            _places.Release();
            throw;
        }
    }

    /// <summary>The transport takes an answer, of whatever kind.</summary>
    public void Taken(object? answer)
    {
        if (answer is not Answer taken)
        {
            return;
        }

        bool isOurs;
        lock (_untaken)
        {
            isOurs = _untaken.Remove(taken);
        }

        if (isOurs)
        {
            _places.Release();
        }
    }
}
