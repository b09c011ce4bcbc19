namespace Duplexity.Carriers;

/// <content>
/// One pipe in the place of another. Name and generation stay, so that an order says nothing about which of the two it is for, and serving the wrong one could show a visitor what the other's gates
/// keep from him: orders wait until the server has answered. By then it has withdrawn those for the registration that is gone, and refuses whoever brings their carriers.
/// </content>
internal sealed partial class PipeDesk
{
    /// <exception cref="InvalidOperationException">The pipe is not here, or is being changed already.</exception>
    public void BeginChange(Pipe pipe)
    {
        lock (_gate)
        {
            if (pipe.IsChanging || !_pipes.Contains(pipe))
            {
                throw new InvalidOperationException("The pipe is over, or is being changed already.");
            }

            pipe.IsChanging = true;
        }
    }

    /// <summary>Puts <paramref name="next"/> where <paramref name="old"/> was; false: that one is gone, and nothing is done.</summary>
    public bool Replace(Pipe old, Pipe next)
    {
        lock (_gate)
        {
            var at = _pipes.IndexOf(old);
            if (at < 0)
            {
                return false;
            }

            _pipes[at] = next;
        }

        old.GiveWay(next);
        return true;
    }

    /// <summary>The change was made or refused: the orders that waited are carried out.</summary>
    public void EndChange(Pipe pipe)
    {
        lock (_gate)
        {
            pipe.IsChanging = false;
        }

        Retry();
    }
}
