using Duplexity.Protocol;
using Duplexity.Server.Engine;

namespace Duplexity.Server.Tests.Tunnels.Gates;

/// <summary>Registrations as an engine has them, for tests that register nothing.</summary>
internal static class Entries
{
    /// <summary>Amy's <c>cat1</c> with these settings.</summary>
    public static PipeEntry Of(PipeRegistration settings) => new()
    {
        Name = "cat1.localhost",
        Client = "amy",
        Session = "laptop",
        Generation = 1,
        Node = "a",
        Resource = "http://localhost:1",
        HostHeader = "keep",
        Url = "http://cat1.localhost/",
        Since = default,
        Settings = settings,
    };
}
