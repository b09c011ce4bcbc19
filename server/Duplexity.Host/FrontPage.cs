namespace Duplexity.Host;

/// <summary>What whoever opens the service's address reads: what this is, and where to go on. The same for everybody; nothing of its version or of who uses it.</summary>
internal static class FrontPage
{
    private const string Text = """
        This is a Duplexity service: realtime messages and public pipes.

        health        /health/live  /health/ready
        HTTP API      /api/openapi.json
        hubs          /control  /data
        who you are   /auth

        """;

    public static Task AnswerAsync(HttpContext context)
    {
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(Text);
    }
}
