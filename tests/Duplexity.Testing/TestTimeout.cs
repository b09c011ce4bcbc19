namespace Duplexity.Testing;

/// <summary>How long tests wait before they call something lost: generous, because a busy machine is not a failure.</summary>
public static class TestTimeout
{
    /// <summary>For anything that should happen at once.</summary>
    public static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);

    /// <summary>For real programs to start, and for transfers of 100 MB, on a machine that does other things too.</summary>
    public static readonly TimeSpan Long = TimeSpan.FromSeconds(120);
}
