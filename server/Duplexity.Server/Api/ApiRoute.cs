using Duplexity.Protocol;

namespace Duplexity.Server.Api;

/// <summary>One operation of the HTTP API: what is mapped, and what the description says of it.</summary>
/// <param name="Method">The method.</param>
/// <param name="Path">The path below <c>/api</c>.</param>
/// <param name="Operation">Its name for generated clients.</param>
/// <param name="What">What it does, in a sentence.</param>
/// <param name="Gives">The record that it answers with.</param>
internal sealed record ApiRoute(string Method, string Path, string Operation, string What, Type Gives)
{
    /// <summary>The record that it takes as its body; null: none.</summary>
    public Type? Takes { get; init; }

    /// <summary>Members of the body without which it is always refused.</summary>
    public string[] Needs { get; init; } = [];

    /// <summary>What may stand in the path and in the query, and nothing else.</summary>
    public ApiParameter[] Parameters { get; init; } = [];

    /// <summary>Does it; null: it is mapped elsewhere.</summary>
    public Func<ApiCall, Task<Answer>>? Handle { get; init; }
}

/// <summary>A parameter of an operation.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">A type of JSON: <c>string</c>, <c>integer</c> or <c>boolean</c>.</param>
/// <param name="What">What it says.</param>
/// <param name="IsInPath">Whether it stands in the path, and so must be there.</param>
internal sealed record ApiParameter(string Name, string Type, string What, bool IsInPath = false);
