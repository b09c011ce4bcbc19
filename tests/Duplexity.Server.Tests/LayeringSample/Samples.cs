// What the layering test must find: dependencies upwards that stand in method bodies only, also where the compiler moves them elsewhere.
#pragma warning disable IDE0130 // the namespaces are the sample

namespace Duplexity.Server.Tests.LayeringSample.Hubs
{
    internal static class UpperSample
    {
        public static int Value => Environment.TickCount;
    }
}

namespace Duplexity.Server.Tests.LayeringSample.Engine
{
    internal static class LowerSample
    {
        public static string Text() => Hubs.UpperSample.Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
    }

    internal static class AsyncSample
    {
        public static async Task<int> TextAsync()
        {
            await Task.Yield();
            return Hubs.UpperSample.Value;
        }
    }

    internal static class LambdaSample
    {
        public static Func<int, int> Adder() => n => n + Hubs.UpperSample.Value;
    }
}
