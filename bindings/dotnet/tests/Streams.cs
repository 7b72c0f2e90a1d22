using System;
using System.IO;
using System.Linq;
using System.Net.Security;
using System.Security.Authentication;
using System.Threading;
using System.Threading.Tasks;
using SpanTls;

static class Streams
{
    static byte[] Random(int length, int seed)
    {
        byte[] data = new byte[length];
        new Random(seed).NextBytes(data);
        return data;
    }

    static async Task Talk(Stream client, Stream server)
    {
        byte[] up = Random(3000000, 1), down = Random(3000000, 2), gotUp = new byte[up.Length], gotDown = new byte[down.Length];
        // Each end reads and writes at once.
        await Task.WhenAll(Send(client, up), Send(server, down), server.ReadExactlyAsync(gotUp).AsTask(), client.ReadExactlyAsync(gotDown).AsTask());
        Check.Bytes(up, gotUp, "to the server");
        Check.Bytes(down, gotDown, "to the client");
    }

    /// <summary>Two streams of ours that are authenticated.</summary>
    static async Task OverOpenStreams(Func<TlsStream, TlsStream, Task> talk)
    {
        var (one, other) = Pipes.Pair();
        using var server = new TlsStream(one);
        using var client = new TlsStream(other);
        await Task.WhenAll(server.AuthenticateAsServerAsync(Files.Server()), client.AuthenticateAsClientAsync(Files.Client()));
        await talk(client, server);
    }

    static async Task Send(Stream stream, byte[] data)
    {
        var lengths = new Random(data.Length);
        for (int at = 0; at < data.Length;)
        {
            int count = Math.Min(lengths.Next(1, 100000), data.Length - at);
            await stream.WriteAsync(data.AsMemory(at, count));
            at += count;
        }
        await stream.FlushAsync();
    }

    [Test, Versions]
    static async Task A_server_stream_and_a_client_of_SslStream_talk_both_ways_at_once(SslProtocols protocol)
    {
        using var wire = new Wire();
        var server = new TlsStream(wire.Server);
        using var client = new SslStream(wire.Client);
        await wire.Both(server.AuthenticateAsServerAsync(Files.Server(protocol)), client.AuthenticateAsClientAsync(Files.Client()));
        await Talk(client, server);
        await server.ShutdownAsync();
        Check.Equal(0, await client.ReadAsync(new byte[1]), "the end");
        await client.ShutdownAsync();
        Check.Equal(0, await server.ReadAsync(new byte[1]), "the other end");
        server.Dispose();
    }

    [Test, Versions]
    static async Task A_client_stream_and_a_server_of_SslStream_talk_both_ways_at_once(SslProtocols protocol)
    {
        using var wire = new Wire();
        var client = new TlsStream(wire.Client);
        using var server = new SslStream(wire.Server);
        await wire.Both(client.AuthenticateAsClientAsync(Files.Client(protocol)), server.AuthenticateAsServerAsync(Files.Server()));
        await Talk(client, server);
        client.Dispose();
    }

    [Test, Versions]
    static async Task Two_streams_talk_with_certificates_on_both_ends(SslProtocols protocol)
    {
        using var wire = new Wire();
        var client = new TlsStream(wire.Client) { SelectCredentials = (_, _) => Task.FromResult<TlsCredentials?>(TlsCredentials.FromCertificate(Files.WithKey("client-rsa2048"), Files.Others("client-rsa2048"))) };
        var server = new TlsStream(wire.Server);
        SslServerAuthenticationOptions options = Files.Server(protocol);
        options.ClientCertificateRequired = true;
        await wire.Both(client.AuthenticateAsClientAsync(Files.Client()), server.AuthenticateAsServerAsync(options));
        Check.Equal(Files.WithKey("client-rsa2048").Thumbprint, server.Session!.GetRemoteCertificate()!.Thumbprint, "the client's");
        await Talk(client, server);
        client.Dispose();
        server.Dispose();
    }

    [Test, Versions]
    static async Task Verdicts_and_signatures_are_computed_on_the_thread_pool(SslProtocols protocol)
    {
        using var wire = new Wire();
        int thread = 0;
        var client = new TlsStream(wire.Client)
        {
            Validate = async (session, _) =>
            {
                await Task.Delay(20);
                thread = Environment.CurrentManagedThreadId;
                Check.That(Thread.CurrentThread.IsThreadPoolThread, "a thread of the pool");
                session.SetRemoteCertificateValidationResult(SslPolicyErrors.None);
            },
        };
        var server = new TlsStream(wire.Server)
        {
            SelectServerContext = (session, _) =>
            {
                Check.Equal("localhost", session.ClientHelloInfo!.ServerName, "the name");
                return Task.FromResult(TlsContext.Create(Files.Server(protocol), new TlsContextSettings { SignInCall = false }));
            },
        };
        using var undecided = TlsContext.Create((SslServerAuthenticationOptions?)null);
        await wire.Both(client.AuthenticateAsClientAsync(Files.Client(SslProtocols.None, "other-ca")), server.AuthenticateAsServerAsync(undecided));
        Check.That(thread != 0, "the verdict was asked for");
        Check.That(server.Session!.Statistics.SignatureTime > TimeSpan.Zero, "the signature was asked for");
        Check.That(client.Session!.Statistics.ValidationTime > TimeSpan.FromMilliseconds(15), "the verdict took its time");
        client.Dispose();
        server.Dispose();
    }

    [Test, Versions]
    static async Task A_verdict_that_throws_tells_both_ends(SslProtocols protocol)
    {
        using var wire = new Wire();
        using var client = new TlsStream(wire.Client) { Validate = (_, _) => throw new TimeZoneNotFoundException("of the verdict") };
        using var server = new SslStream(wire.Server);
        Task serving = server.AuthenticateAsServerAsync(Files.Server(protocol));
        var seen = await Check.Throws<TimeZoneNotFoundException>(() => client.AuthenticateAsClientAsync(Files.Client()), "the client");
        Check.Equal("of the verdict", seen.Message, "message");
        await Check.Throws<Exception>(() => serving, "the server");
    }

    [Test, Versions]
    static async Task A_connection_that_is_cut_is_no_end(SslProtocols protocol)
    {
        using var wire = new Wire();
        var server = new TlsStream(wire.Server);
        var client = new TlsStream(wire.Client);
        await wire.Both(client.AuthenticateAsClientAsync(Files.Client(protocol)), server.AuthenticateAsServerAsync(Files.Server()));
        await client.WriteAsync(AgainstSslStream.Ping);
        wire.ClientSocket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        await server.ReadExactlyAsync(new byte[4]);
        var cut = await Check.Throws<TlsException>(() => server.ReadAsync(new byte[1]).AsTask(), "the server");
        Check.Equal(TlsError.Truncated, cut.Error, "error");
        await Check.Throws<TlsException>(() => server.ReadAsync(new byte[1]).AsTask(), "again");
        await server.WriteAsync(AgainstSslStream.Pong);
        await client.ReadExactlyAsync(new byte[4]);
        server.Dispose();
        await Check.Throws<ObjectDisposedException>(() => server.ReadAsync(new byte[1]).AsTask(), "disposed");
        client.Dispose();
    }

    [Test]
    static async Task A_thousand_handshakes_at_once_are_done()
    {
        using var ours = TlsContext.Create(Files.Server(), new TlsContextSettings { SignInCall = false });
        using var theirs = TlsContext.Create(Files.Client());
        int done = 0;
        await Task.WhenAll(Enumerable.Range(0, 1000).Select(async i =>
        {
            var (one, other) = Pipes.Pair();
            using var server = new TlsStream(one);
            using var client = new TlsStream(other);
            await Task.WhenAll(server.AuthenticateAsServerAsync(ours), client.AuthenticateAsClientAsync(theirs, "localhost"));
            await client.WriteAsync(AgainstSslStream.Ping);
            await server.ReadExactlyAsync(new byte[4]);
            Interlocked.Increment(ref done);
        }));
        Check.Equal(1000, done, "handshakes");
    }

    [Test]
    static Task Reading_can_be_cancelled_and_goes_on_afterwards() => OverOpenStreams(async (client, server) =>
    {
        using var soon = new CancellationTokenSource(50);
        byte[] room = new byte[4];
        await Check.Throws<OperationCanceledException>(() => server.ReadAsync(room, soon.Token).AsTask(), "cancelled");
        await client.WriteAsync(AgainstSslStream.Ping);
        await server.ReadExactlyAsync(room);
        Check.Bytes(AgainstSslStream.Ping, room, "behind it");
    });

    [Test]
    static async Task A_reader_that_owes_an_answer_does_not_wait_for_a_writer_that_waits_for_the_peer()
    {
        var (one, other) = Pipes.Pair();
        using var server = new TlsStream(one);
        using var client = new TlsStream(other);
        SslServerAuthenticationOptions options = Files.Server(SslProtocols.Tls13);
        await Task.WhenAll(server.AuthenticateAsServerAsync(options), client.AuthenticateAsClientAsync(Files.Client()));
        byte[] data = Random(2000000, 3), room = new byte[data.Length];
        // Nobody reads at the client: the server's writer gets stuck.
        Task writing = server.WriteAsync(data).AsTask();
        byte[] update = new byte[100];
        client.Session!.UpdateKeys(true, update, out int written);
        await other.WriteAsync(update.AsMemory(0, written));
        await client.WriteAsync(AgainstSslStream.Ping);
        byte[] ping = new byte[4];
        await server.ReadExactlyAsync(ping);
        Check.Bytes(AgainstSslStream.Ping, ping, "ping");
        Check.That(!writing.IsCompleted, "the writer is stuck");
        await client.ReadExactlyAsync(room);
        await writing;
        Check.Bytes(data, room, "data");
        await server.WriteAsync(AgainstSslStream.Pong);
        await client.ReadExactlyAsync(ping);
        Check.Equal(1ul, server.Session!.Statistics.KeyUpdatesSent, "the answer");
    }

    /// <summary>Bytes of .NET's memory that each of many handshakes holds while it waits.</summary>
    static async Task<long> Held(Func<TlsStream, Task> begin)
    {
        const int Count = 300;
        (Task, Pipes) Begin()
        {
            var (one, other) = Pipes.Pair();
            return (begin(new TlsStream(one)), other);
        }
        Begin().Item2.Dispose(); // What is made once.
        long before = GC.GetTotalMemory(true);
        (Task Waits, Pipes Peer)[] pending = Enumerable.Range(0, Count).Select(_ => Begin()).ToArray();
        long held = (GC.GetTotalMemory(true) - before) / Count;
        foreach (var (waits, peer) in pending)
        {
            Check.That(!waits.IsCompleted, "it waits");
            peer.Dispose();
            await Check.Throws<IOException>(() => waits, "the peer has gone");
        }
        return held;
    }

    [Test]
    static async Task A_handshake_that_waits_holds_no_buffer()
    {
        const int Most = 8000;
        using var ours = TlsContext.Create(Files.Server());
        using var theirs = TlsContext.Create(Files.Client());
        long held = await Held(stream => stream.AuthenticateAsServerAsync(ours));
        Check.That(held < Most, $"a server holds {held} bytes");
        held = await Held(stream => stream.AuthenticateAsClientAsync(theirs));
        Check.That(held < Most, $"a client holds {held} bytes");
    }

    [Test]
    static Task A_write_that_was_cut_off_is_not_followed_by_others() => OverOpenStreams(async (client, server) =>
    {
        using var soon = new CancellationTokenSource(50);
        // Nobody reads: the pipe is full at some point.
        await Check.Throws<OperationCanceledException>(() => client.WriteAsync(new byte[10000000], soon.Token).AsTask(), "cut off");
        await Check.Throws<IOException>(() => client.WriteAsync(AgainstSslStream.Ping).AsTask(), "the next");
        await Check.Throws<IOException>(() => client.ShutdownAsync(), "a close_notify behind it");
    });

    [Test]
    static Task A_write_behind_the_end_says_so_each_time() => OverOpenStreams(async (client, server) =>
    {
        await client.ShutdownAsync();
        for (int i = 0; i < 2; i++)
        {
            await Check.Throws<InvalidOperationException>(() => client.WriteAsync(AgainstSslStream.Ping).AsTask(), "a write");
        }
    });

    [Test]
    static async Task What_is_not_authenticated_neither_reads_nor_writes()
    {
        var (one, _) = Pipes.Pair();
        using var stream = new TlsStream(one);
        Check.That(!stream.CanRead && !stream.CanWrite && !stream.CanSeek, "it can nothing");
        await Check.Throws<InvalidOperationException>(() => stream.ReadAsync(new byte[1]).AsTask(), "read");
        await Check.Throws<InvalidOperationException>(() => stream.WriteAsync(new byte[1]).AsTask(), "write");
        using var client = TlsContext.Create(Files.Client());
        await Check.Throws<ArgumentException>(() => stream.AuthenticateAsServerAsync(client), "the other role");
    }
}
