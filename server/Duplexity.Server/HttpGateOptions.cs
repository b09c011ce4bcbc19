namespace Duplexity.Server;

/// <summary>A gate in any language, asked over HTTP: <c>Duplexity:Gates:NAME</c>. Read once at start. What is sent and answered is in the README.</summary>
public sealed class HttpGateOptions
{
    /// <summary>Where it stands: <c>Ingress</c> or <c>Entry</c>. Defaults to <c>Entry</c>; at the egress nothing can be waited for.</summary>
    public Step Step { get; set; } = Step.Entry;

    /// <summary>What it looks at, such as <c>room:board-*</c>; at the ingress senders, such as <c>client:guest-*</c>. Needed.</summary>
    public string? Pattern { get; set; }

    /// <summary>The http or https address that is asked by POST. Needed. Redirects are not followed.</summary>
    public string? Address { get; set; }

    /// <summary>What requests are signed with, as Standard Webhooks say: <c>whsec_</c> and base64, or any text of at least 16 bytes. Needed.</summary>
    public string? Secret { get; set; }

    /// <summary>How long one request may take. Defaults to 2 s, well below <see cref="TimeOptions.Gate"/>, which holds for all gates of a message together.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(2);
}
