namespace Duplexity.Server.Backend;

/// <summary>A front has a visitor for a name: who serves it?</summary>
/// <param name="Name">The hostname, or <c>:PORT</c>, as keys are.</param>
/// <param name="IsExact">Whether the registrations of just this name are asked for, and not who serves its visitors.</param>
internal sealed record LocateQuestion(string Name, bool IsExact)
{
    public const string Word = "locate";
}
