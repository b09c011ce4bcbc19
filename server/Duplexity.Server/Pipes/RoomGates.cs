namespace Duplexity.Server.Pipes;

/// <summary>Entry: the room's policy lets the acting client send. What it does not let reads like what is not there (1.28); Explain says which gate it is, and nothing of the policy.</summary>
internal sealed class RoomGate(RoomRules rules) : IBuiltInGate
{
    public string Name => "room";

    public Step Step => Step.Entry;

    public DuplexityError? Check(in Passage passage) => passage.Sender.IsServer || rules.Lets(RoomRight.Send, passage.Target, passage.Sender.Client, passage.Sender.Principal)
        ? null
        : DuplexityError.Of(Errors.UnknownDestination, passage.IsTrial ? Refusal("send", passage.Target) : AllowanceGate.NotThere(passage.Target));

    /// <summary>What is said to who asks why.</summary>
    public static string Refusal(string operation, Address target) =>
        $"What holds in {VisibleText.Of(target.ToString(), Address.MaxBytes)} does not let you {operation}, or it is not there.";
}

/// <summary>Entry: a message that brings a channel into being counts against what its sender may bring into being (G24). What the gates before it refuse costs nothing.</summary>
internal sealed class NewChannelGate(NewChannels channels) : IBuiltInGate
{
    public string Name => "new_channels_per_hour";

    public Step Step => Step.Entry;

    public bool LooksBehind => true;

    public DuplexityError? Check(in Passage passage) => passage.Sender.IsServer || passage.IsAgain ? null : channels.Take(passage.Sender.Client, passage.Target, passage.IsTrial);
}
