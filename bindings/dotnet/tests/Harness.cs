// The smallest harness that does: a test is a method whose name is a sentence, `Main` runs them all and counts.

using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Security.Authentication;
using System.Threading;
using System.Threading.Tasks;
using SpanTls;

[AttributeUsage(AttributeTargets.Method)]
class TestAttribute : Attribute { }

/// <summary>Runs the method once for TLS 1.2 and once for 1.3.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class VersionsAttribute : Attribute { }

sealed class Complaint : Exception
{
    internal Complaint(string text) : base(text) { }
}

static class Check
{
    internal static void That(bool holds, string what)
    {
        if (!holds)
        {
            throw new Complaint(what);
        }
    }

    internal static void Equal<T>(T expected, T actual, string what)
    {
        That(EqualityComparer<T>.Default.Equals(expected, actual), $"{what} is {actual}, not {expected}");
    }

    internal static void Bytes(byte[] expected, byte[] actual, string what)
    {
        That(expected.AsSpan().SequenceEqual(actual), $"{what}: {actual.Length} bytes, which are not the {expected.Length} expected");
    }

    internal static async Task<T> Throws<T>(Func<Task> action, string what) where T : Exception
    {
        try
        {
            await action();
        }
        catch (T exception)
        {
            return exception;
        }
        throw new Complaint($"{what}: nothing was thrown");
    }

    /// <summary>A failed authentication, as SslStream's callers catch it, and what it says.</summary>
    internal static async Task<TlsException> Refused(Func<Task> action, string what) =>
        TlsException.Of(await Throws<AuthenticationException>(action, what)) ?? throw new Complaint($"{what}: no TlsException inside");

    internal static T Throws<T>(Action action, string what) where T : Exception
    {
        try
        {
            action();
        }
        catch (T exception)
        {
            return exception;
        }
        throw new Complaint($"{what}: nothing was thrown");
    }
}

static class Program
{
    static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    static async Task<int> Main(string[] arguments)
    {
        int passed = 0, failed = 0;
        foreach (MethodInfo method in Assembly.GetExecutingAssembly().GetTypes().OrderBy(type => type.Name)
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            .Where(method => method.GetCustomAttribute<TestAttribute>() != null))
        {
            foreach (object?[] row in Rows(method))
            {
                string version = row.Length == 0 ? "" : (SslProtocols)row[0]! == SslProtocols.Tls12 ? "TLS 1.2: " : "TLS 1.3: ";
                string name = version + method.Name.Replace('_', ' ');
                if (arguments.Length > 0 && !arguments.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase)))
                {
                    continue;
                }
                if (await Passes(name, method, row))
                {
                    passed++;
                }
                else
                {
                    failed++;
                }
            }
        }
        Console.WriteLine($"{passed} passed, {failed} failed");
        return failed == 0 ? 0 : 1;
    }

    static object?[][] Rows(MethodInfo method) =>
        method.GetCustomAttribute<VersionsAttribute>() == null && method.GetCustomAttribute<ScenarioAttribute>() == null ?
            new[] { Array.Empty<object?>() } : new[] { new object?[] { SslProtocols.Tls12 }, new object?[] { SslProtocols.Tls13 } };

    static async Task<bool> Passes(string name, MethodInfo method, object?[] row)
    {
        try
        {
            Task running = Task.Run(() => method.GetCustomAttribute<ScenarioAttribute>() is { } scenario ?
                Differential.Compare(method, scenario, (SslProtocols)row[0]!) : (Task)method.Invoke(null, row)!);
            if (await Task.WhenAny(running, Task.Delay(Limit)) != running)
            {
                throw new Complaint("takes too long");
            }
            await running;
            Console.WriteLine($"ok - {name}");
            return true;
        }
        catch (Exception exception)
        {
            Exception inner = exception is TargetInvocationException { InnerException: { } thrown } ? thrown : exception;
            Console.WriteLine($"not ok - {name}: {inner.Message}");
            Console.WriteLine("    " + (inner is Complaint ? "" : inner.ToString()).Replace("\n", "\n    "));
            return false;
        }
    }
}

/// <summary>Two ends of a TCP connection.</summary>
sealed class Wire : IDisposable
{
    internal Wire()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        ClientSocket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        ClientSocket.Connect(listener.LocalEndPoint!);
        ServerSocket = listener.Accept();
        ServerSocket.NoDelay = true;
        ClientStream = new NetworkStream(ClientSocket, true);
        ServerStream = new NetworkStream(ServerSocket, true);
        Client = new Counting(ClientStream);
        Server = new Counting(ServerStream);
    }

    internal NetworkStream ClientStream { get; }
    internal NetworkStream ServerStream { get; }

    internal Socket ClientSocket { get; }
    internal Socket ServerSocket { get; }
    internal Counting Client { get; }
    internal Counting Server { get; }

    internal long Bytes => Client.Sent + Server.Sent;

    /// <summary>Both ends at once; when one fails, the connection ends for the other.</summary>
    internal async Task Both(Task one, Task other)
    {
        Task first = await Task.WhenAny(one, other);
        if (first.IsFaulted)
        {
            Dispose();
            try
            {
                await Task.WhenAll(one, other);
            }
            catch
            {
                // The first failure is the one to tell.
            }
            await first;
        }
        await Task.WhenAll(one, other);
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
    }
}

/// <summary>Counts what is sent.</summary>
sealed class Counting : Stream
{
    readonly Stream _inner;

    internal Counting(Stream inner) => _inner = inner;

    internal long Sent;

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Interlocked.Add(ref Sent, buffer.Length);
        await _inner.WriteAsync(buffer, cancellationToken);
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        _inner.ReadAsync(buffer, cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();
    public override int Read(byte[] buffer, int offset, int count) => _inner.Read(buffer, offset, count);
    public override void Write(byte[] buffer, int offset, int count)
    {
        Interlocked.Add(ref Sent, count);
        _inner.Write(buffer, offset, count);
    }

    public override void Flush() => _inner.Flush();
    public override bool CanRead => true;
    public override bool CanWrite => true;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    protected override void Dispose(bool disposing) => _inner.Dispose();
}
