// Scenarios that run on SslStream and on TlsStream: what is seen with one of ours at either end, or both, is compared with what is
// seen with SslStream at both. A difference is a failure unless the scenario lists it with its reason.

using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Security.Authentication;
using System.Threading.Tasks;

/// <summary>A method that takes a <see cref="Scene"/>. It runs in all four pairings, with TLS 1.2 and 1.3.</summary>
sealed class ScenarioAttribute : TestAttribute
{
    /// <summary>Over TCP on the loopback interface instead of in memory.</summary>
    public bool Sockets { get; set; }
}

/// <summary>Something that is seen otherwise with TlsStream, and why. One that no longer differs is a failure, too.</summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
sealed class DiffersAttribute : Attribute
{
    internal DiffersAttribute(string what, string reason)
    {
        What = what;
        Reason = reason;
    }

    /// <summary>The observation, as <see cref="Scene.Note"/> names it.</summary>
    internal string What { get; }

    internal string Reason { get; }

    /// <summary>In this version alone; None: in both.</summary>
    public SslProtocols Only { get; set; }

    /// <summary>Only with a TlsStream client: with an SslStream client a TlsStream server has to be as SslStream.</summary>
    public bool ByClient { get; set; }
}

static class Differential
{
    static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);
    static readonly (bool ClientIsOurs, bool ServerIsOurs)[] Pairings = { (true, false), (false, true), (true, true) };

    internal static async Task Compare(MethodInfo method, ScenarioAttribute scenario, SslProtocols protocol)
    {
        DiffersAttribute[] listed = method.GetCustomAttributes<DiffersAttribute>()
            .Where(one => one.Only == SslProtocols.None || one.Only == protocol).ToArray();
        var occurred = new HashSet<string>();
        var failures = new List<string>();
        Dictionary<string, string> reference = await Observe(method, scenario, protocol, (false, false));
        Check.That(!reference.ContainsKey(Scene.Thrown), $"on SslStream: {reference.GetValueOrDefault(Scene.Thrown)}");
        Check.That(reference.Count > 0, "nothing was observed");
        foreach (var pairing in Pairings)
        {
            string who = $"client {Name(pairing.ClientIsOurs)}, server {Name(pairing.ServerIsOurs)}";
            Dictionary<string, string> seen = await Observe(method, scenario, protocol, pairing);
            foreach (string what in reference.Keys.Union(seen.Keys))
            {
                string expected = reference.GetValueOrDefault(what, "nothing"), found = seen.GetValueOrDefault(what, "nothing");
                if (expected == found)
                {
                    continue;
                }
                DiffersAttribute? known = listed.FirstOrDefault(one => one.What == what && (!one.ByClient || pairing.ClientIsOurs));
                string difference = $"{who}: {what} is {found}, with SslStream {expected}";
                Console.WriteLine($"# {difference}{(known == null ? "" : ": " + known.Reason)}");
                occurred.Add(what);
                if (known == null)
                {
                    failures.Add(difference);
                }
            }
        }
        failures.AddRange(listed.Where(one => !occurred.Contains(one.What)).Select(one => $"no longer differs: {one.What}"));
        Check.That(failures.Count == 0, string.Join("; ", failures));
    }

    static string Name(bool ours) => ours ? "TlsStream" : "SslStream";

    static async Task<Dictionary<string, string>> Observe(
        MethodInfo method, ScenarioAttribute scenario, SslProtocols protocol, (bool ClientIsOurs, bool ServerIsOurs) pairing)
    {
        var scene = new Scene(protocol, pairing.ClientIsOurs, pairing.ServerIsOurs, scenario.Sockets);
        Task running = Task.Run(() => (Task)method.Invoke(null, new object[] { scene })!);
        if (await Task.WhenAny(running, Task.Delay(Limit)) != running)
        {
            scene.Note(Scene.Thrown, "does not end");
        }
        else if (running.Exception?.InnerException is { } exception)
        {
            scene.Note(Scene.Thrown, $"{exception.GetType().Name}: {exception.Message}");
        }
        scene.Dispose();
        return scene.Seen;
    }
}
