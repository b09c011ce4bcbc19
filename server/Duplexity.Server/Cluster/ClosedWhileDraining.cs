namespace Duplexity.Server.Cluster;

/// <summary>Marks the endpoints by which clients come: a node that is being emptied refuses them, while another one takes them.</summary>
internal sealed class ClosedWhileDraining;
